"""The admin's pages: Live, Users, Usage, Settings."""

from pages.admin import live, settings, usage, user, users
from vanilla.services import Services


def register(services: Services) -> None:
    """Define them all."""
    live.register(services)
    users.register(services)
    user.register(services)
    usage.register(services)
    settings.register(services)
