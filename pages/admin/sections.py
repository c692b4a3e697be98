"""What the admin's pages share: the frame with its sections, and the question asked before anything is done."""

from collections.abc import Iterator
from contextlib import contextmanager

from nicegui import ui

from pages import charts, clients
from pages.elements import box, segment_links
from pages.frame import Frame, frame
from pages.visitor import Visitor
from vanilla.errors import VanillaError
from vanilla.services import Services

SECTIONS = {
    "/admin": "Live",
    "/admin/users": "Users",
    "/admin/games": "Games",
    "/admin/usage": "Usage",
    "/admin/audit": "Audit",
    "/admin/settings": "Settings",
}


@contextmanager
def section(visitor: Visitor, title: str, current: str) -> Iterator[Frame]:
    """The frame of an admin page; `current` is the address of its section."""
    charts.head()
    with frame(visitor, title=title, active="admin") as page:
        with page.controls:
            segment_links(SECTIONS, current, label="Admin", classes="stretch")
        with box("div", "admin"):
            yield page


class Guard:
    """Whether an open page may still act. The page was authorised when it was built; who can send its events may have
    been signed out, switched off or made a plain user since."""

    def __init__(self, services: Services, visitor: Visitor) -> None:
        self._services = services
        self._visitor = visitor
        self._client = ui.context.client

    async def lets(self) -> bool:
        """Ask the session and the database; closes the page where the answer is no."""
        if await self._is_admin():
            return True
        clients.close(self._client)
        return False

    async def _is_admin(self) -> bool:
        if not await self._visitor.is_still_in():
            return False
        try:
            user = await self._services.users.get(self._visitor.caller.user_id)
        except VanillaError:
            return False
        return user.is_admin and user.is_active
