"""The admin's pages: Live, Users, Usage."""

from pages.admin import live
from vanilla.services import Services


def register(services: Services) -> None:
    """Define them all."""
    live.register(services)
