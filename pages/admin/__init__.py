"""The admin's pages: Live, Users, Usage."""

from pages.admin import live, usage, user, users
from vanilla.services import Services


def register(services: Services) -> None:
    """Define them all."""
    live.register(services)
    users.register(services)
    user.register(services)
    usage.register(services)
