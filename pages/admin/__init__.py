"""The admin's pages: Live, Users with invitations, Games, Usage, Audit, Settings."""

from pages.admin import audit, games, invitations, live, settings, usage, user, users
from vanilla.services import Services


def register(services: Services) -> None:
    """Define them all."""
    live.register(services)
    users.register(services)
    user.register(services)
    invitations.register(services)
    games.register(services)
    usage.register(services)
    audit.register(services)
    settings.register(services)
