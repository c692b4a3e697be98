"""The limit on the account page: what is used and left, and a lower limit of one's own."""

from nicegui import ui

from pages import figures
from pages.elements import Words, box, button, local_time, meter, notice
from pages.forms import Field, form, whole_number
from pages.visitor import Visitor
from vanilla.accounts.periods import resets_at
from vanilla.accounts.users import Users
from vanilla.errors import VanillaError
from vanilla.models import User, utc_now
from vanilla.services import Services

_PERIODS = {"total": "in all", "day": "each day", "month": "each month"}


class LimitCard:
    """How much is used and left, when it counts anew, and the field for one's own limit."""

    def __init__(self, services: Services, visitor: Visitor) -> None:
        self._services = services
        self._visitor = visitor
        own = visitor.user.own_token_limit
        with box("section", "card padded stack", id="limit", aria_label="Limit"):
            self._standing = box("div", "stack close")
            with form(self._save, "line-up form-line", marker="own-limit"):
                Field(
                    "A lower limit of your own",
                    "own_token_limit",
                    hint="Tokens. Empty for none. The lower of this and the host's limit holds.",
                    classes="grow",
                    value="" if own is None else str(own),
                    inputmode="numeric",
                    autocomplete="off",
                )
                button("Set limit", classes="beside-field")
            self._answer = box("div", "answer")
        self._show(visitor.user)

    async def _save(self, fields: dict[str, str]) -> None:
        self._answer.clear()
        try:
            await self._visitor.authorise()
            limit = whole_number(fields.get("own_token_limit", ""), "your limit")
            user = await self._services.users.set_own_limit(self._visitor.user.id, limit)
        except VanillaError as error:
            with self._answer:
                notice(error.message, "error")
            return
        self._show(user)
        with self._answer:
            notice(_done(user), "ok")
        ui.run_javascript("document.dispatchEvent(new Event('recount'))")  # the tokens left, in the header

    def _show(self, user: User) -> None:
        now = utc_now()
        used, limit, resets = Users.current_usage(user, now), user.effective_limit, resets_at(user.limit_period, now)
        self._standing.clear()
        with self._standing:
            with box("div", "line-up spread"):
                left = used if limit is None else max(0, limit - used)
                Words("h2", f"{figures.count(left)} tokens {'used' if limit is None else 'left'}")
                Words("span", _limit(user), "quiet")
            if limit is None:
                return
            meter(figures.fraction(used, limit), label="Tokens used", classes="tall")
            with box("div", "line-up spread quiet"):
                Words("span", f"{figures.count(used)} used")
                if resets is not None:
                    with box("span"):
                        Words("span", "Counts anew on ")
                        local_time(resets, "minute")
                elif _is_own(user):
                    Words("span", "Your own limit does not reset. You may raise it.")
                else:
                    Words("span", "This limit does not reset. Ask the host for more.")


def _is_own(user: User) -> bool:
    """Whether the user's own limit is the one that holds."""
    own, hosts = user.own_token_limit, user.token_limit
    return own is not None and (hosts is None or own < hosts)


def _limit(user: User) -> str:
    if user.effective_limit is None:
        return "You have no limit."
    words = f"of {figures.count(user.effective_limit)} {_PERIODS[user.limit_period]}"
    if not _is_own(user):
        return words
    hosts = "" if user.token_limit is None else f"; the host's is {figures.count(user.token_limit)}"
    return f"{words}, a limit of your own{hosts}"


def _done(user: User) -> str:
    if user.own_token_limit is None:
        return "You have no limit of your own any more."
    own = figures.count(user.own_token_limit)
    if _is_own(user):
        return f"From your next call on, {own} tokens is your limit."
    return f"{own} is kept. The host's limit is lower, and holds."
