"""The parts of the account page that decide who gets in: API tokens, signed-in browsers, the password."""

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from nicegui import ui

from pages.elements import Words, ago, box, button, code, copy_button, link, notice, sure_button, tag
from pages.forms import Field, form
from pages.tables import row, table
from pages.visitor import Visitor
from vanilla.accounts.passwords import SHORTEST
from vanilla.accounts.tokens import LONGEST_NAME
from vanilla.errors import VanillaError
from vanilla.models import ApiToken, LoginSession
from vanilla.services import Services

Changed = Callable[[], Awaitable[None]]

_TOKEN_COLUMNS = ("Name", "Made", "Last used", "")
_BROWSER_COLUMNS = ("Browser", "Address", "Signed in", "Last seen", "")


class Tokens:
    """API tokens: make one (shown once, with how to use it), list them, revoke one. `origin` is our own address."""

    def __init__(self, services: Services, visitor: Visitor, tokens: Sequence[ApiToken], *, origin: str) -> None:
        self._services = services
        self._visitor = visitor
        self._origin = origin
        with box("section", "card padded stack close", aria_labelledby="tokens"):
            with box("div", "stack tight"):
                Words("h2", "API tokens", "as-h3", id="tokens")
                Words("p", "For your own programs, with the official SDKs. They may spend your tokens.", "quiet")
            with form(self._create, "line-up form-line", marker="make-token") as self._form:
                Field("Name of the program", "name", classes="grow", required=True, maxlength=LONGEST_NAME)
                button("Make a token", classes="at-foot")
            self._answer = box("div", "answer")
            self._list = box("div")
        self._draw(tokens)

    async def refresh(self) -> None:
        """Read the tokens again and show them."""
        self._draw(await self._services.api_tokens.list(self._visitor.user.id))

    async def _create(self, values: dict[str, str]) -> None:
        self._answer.clear()
        try:
            await self._visitor.authorise()
            secret, made = await self._services.api_tokens.create(self._visitor.user.id, values.get("name", ""))
        except VanillaError as error:
            with self._answer:
                notice(error.message, "error")
            return
        with self._answer:
            self._tell(secret, made.name)
        self._form.run_method("reset")
        await self.refresh()

    def _tell(self, secret: str, name: str) -> None:
        with box("div", "notice ok stacked", role="status"):
            Words("strong", f"Here is the token of {name}. It is shown this once: keep it somewhere safe.")
            with box("div", "secret"):
                Words("code", secret)
                copy_button(text=secret)
        code(f'curl -H "Authorization: Bearer {secret}" {self._origin}/api/inference/usage', "In a shell: what is left")
        code(
            f'client = Anthropic(base_url="{self._origin}/api/inference/anthropic", api_key="{secret}")',
            "In Python, with Anthropic's SDK",
        )
        with box("p", "quiet"):
            Words("span", "Other languages, OpenAI's SDK and all addresses: ")
            link("Docs", "/docs")

    async def _revoke(self, token_id: str) -> None:
        self._answer.clear()
        try:
            await self._visitor.authorise()
            await self._services.api_tokens.revoke(self._visitor.user.id, token_id)
        except VanillaError as error:
            with self._answer:
                notice(error.message, "error")
        await self.refresh()

    def _draw(self, tokens: Sequence[ApiToken]) -> None:
        self._list.clear()
        with self._list:
            if not tokens:
                Words("p", "You have no tokens. Games need none.")
                return
            with table(_TOKEN_COLUMNS, label="API tokens", is_stacked=True):
                for token in tokens:
                    used = token.last_used_at
                    revoke = partial(self._revoke, token.id)
                    row(
                        [
                            token.name,
                            partial(ago, token.created_at),
                            partial(ago, used) if used else "never",
                            partial(sure_button, "Revoke", "Revoke for good", revoke, of=token.name),
                        ],
                        actions=(3,),
                        labels=_TOKEN_COLUMNS,
                    )


class Browsers:
    """The browsers in which this user is signed in: end one, or all but this one."""

    def __init__(self, services: Services, visitor: Visitor, sessions: Sequence[LoginSession]) -> None:
        self._services = services
        self._visitor = visitor
        with box("section", "card padded stack close", aria_labelledby="browsers"):
            with box("div", "stack tight"):
                Words("h2", "Signed in on", "as-h3", id="browsers")
                Words("p", "Sign out what you do not know, then change your password.", "quiet")
            self._answer = box("div", "answer")
            self._list = box("div", "stack close")
        self._draw(sessions)

    async def refresh(self) -> None:
        """Read the sessions again and show them."""
        self._draw(await self._services.sessions.list(self._visitor.user.id))

    async def _end(self, sid: str, name: str) -> None:
        await self._visitor.authorise()
        await self._services.sessions.close(sid)
        await self._ended(f"{name} is signed out.")

    async def _end_others(self) -> None:
        await self._visitor.authorise()
        me = self._visitor.caller
        await self._services.sessions.close_all(me.user_id, except_sid=me.session_id, by=me.user_id)
        await self._ended("Only this browser is signed in now.")

    async def _ended(self, words: str) -> None:
        self._answer.clear()
        with self._answer:
            notice(words, "ok")
        await self.refresh()

    def _draw(self, sessions: Sequence[LoginSession]) -> None:
        self._list.clear()
        with self._list:
            with table(_BROWSER_COLUMNS, label="Signed-in browsers", is_stacked=True):
                for session in sessions:
                    self._row(session)
            if len(sessions) > 1:
                with box("div"):
                    sure_button("Sign out everywhere else", "Sign out all the others", self._end_others)

    def _row(self, session: LoginSession) -> None:
        name, address = browser_of(session.sess)
        is_this = session.sid == self._visitor.caller.session_id
        end = partial(self._end, session.sid, name)
        row(
            [
                name,
                address,
                partial(ago, session.created_at),
                "now" if is_this else partial(ago, session.last_seen_at),
                partial(tag, "this one", "ok")
                if is_this
                else partial(sure_button, "Sign out", "Sign it out", end, of=f"{name}, {address}"),
            ],
            actions=(4,),
            labels=_BROWSER_COLUMNS,
        )


def password_card(username: str, on_change: Changed) -> ui.element:
    """Change the password, through /auth/password: frame.js sends the form and shows the answer."""
    with box("section", "card padded stack close", aria_labelledby="password") as card:
        Words("h2", "Password", "as-h3", id="password")
        with box(
            "form",
            "form narrow",
            data_api="/auth/password",
            data_done="The password is changed. Other browsers were signed out, and API tokens revoked.",
        ) as element:
            box("input", type="text", name="", value=username, autocomplete="username", hidden=True, aria_hidden="true")
            Field(
                "Current password",
                "current_password",
                type="password",
                autocomplete="current-password",
                required=True,
            )
            Field(
                "New password",
                "new_password",
                hint=f"At least {SHORTEST} characters. Every other browser is signed out, every token revoked.",
                type="password",
                autocomplete="new-password",
                required=True,
                minlength=SHORTEST,
            )
            box("div", data_answer="", role="status")
            with box("div"):
                button("Change the password")
        element.on("done", lambda _: on_change(), js_handler="() => emit()")
    return card


def browser_of(sess: str) -> tuple[str, str]:
    """The browser and the address in a session's notes: `("Firefox on Linux", "192.0.2.7")`."""
    notes = json.loads(sess)
    agent = str(notes.get("agent", ""))
    name = next((name for name, mark in _BROWSERS if re.search(mark, agent)), "A program")
    system = next((name for name, mark in _SYSTEMS if re.search(mark, agent)), "")
    return f"{name} on {system}" if system else name, str(notes.get("address", ""))


# In this order: each later one names itself like the earlier ones too.
_BROWSERS = (
    ("Edge", r"Edg"),
    ("Opera", r"OPR/"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrom(e|ium)/|CriOS/"),
    ("Safari", r"Safari/"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac", "Mac OS"),
    ("ChromeOS", "CrOS"),
    ("Linux", "Linux|X11"),
)
