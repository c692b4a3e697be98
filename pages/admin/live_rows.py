"""What the live page says, as rows of text: each has a key, says one thing, and is a way to the calls behind it."""

from collections.abc import Mapping

from pages import figures, markup
from pages.admin.addresses import REFUSED, in_range, refused_in, usage_address
from pages.admin.breakdown import ENDED, dot_class, game_name, reason_words, seconds
from pages.markup import Markup, tag
from vanilla.usage.rows import NearLimit
from vanilla.usage.snapshot import CallNow, FirstBytes, LiveSnapshot, RangeSnapshot, RecentCall, Used
from vanilla.usage.spans import NOT_OK_AT_ALL, Filter

Rows = Mapping[str, Markup]  # by key, in order
Page = Mapping[str, Rows]  # by the name of a list

CALLS = 50  # in flight, listed: the tile counts them all
RECENT = 12  # calls listed
NEAR = 0.9  # of a limit: the bar turns cherry
NOTHING = ""  # the key of what is said where there are no rows


def page_of(snapshot: LiveSnapshot) -> Page:
    """Everything but the chart."""
    shown = snapshot.range
    return {
        "tiles": _tiles(snapshot),
        "users": _or(_bars(shown, shown.users), _says("Nobody has used tokens in this range.")),
        "games": _or(_bars(shown, shown.games, are_games=True), _says("No game has used tokens in this range.")),
        "troubles": _or(_troubles(shown), _says("Every call in this range was answered.")),
        "near": _or(
            {near.user_id: _near(near) for near in snapshot.near_limit},
            _says("Nobody has used tokens of a limit yet."),
        ),
        "calls": _or(
            {call.id: _call(call, snapshot.titles) for call in snapshot.calls[:CALLS]},
            _says_in_table("No call is running."),
        ),
        "first-bytes": _or(
            {f"{first.backend} {first.model}": _first_byte(first, shown) for first in shown.first_bytes},
            _says_in_table("No answer in this range."),
        ),
        "recent": _or(
            {call.entry.id: _recent(call, snapshot.titles) for call in snapshot.recent[:RECENT]},
            _says_in_table("No call yet. Play a game that talks, and it shows up here."),
        ),
    }


def difference(before: Page | None, page: Page) -> dict[str, object]:
    """What turns one page into another, for vanillaLive.show in admin.js: of each list that differs the rows that do,
    by key, and the order of keys where that is another. Before nothing, it is everything."""
    told: dict[str, object] = {}
    for name, rows in page.items():
        known = {} if before is None else before[name]
        changed = {key: row for key, row in rows.items() if known.get(key) != row}
        if changed or [*known] != [*rows]:
            told[name] = {"rows": changed, **({"order": [*rows]} if [*known] != [*rows] else {})}
    return told


def compared(today: int, yesterday: int) -> str:
    """How today compares with yesterday up to this time of day."""
    if not yesterday:
        return "none yesterday by now"
    change = round((today - yesterday) / yesterday * 100)
    if change == 0:
        return "as much as yesterday by now"
    arrow = "▲" if change > 0 else "▼"
    return f"{arrow} {figures.count(abs(change))} % on yesterday"


def running(so_far: int) -> str:
    """`6 s`, `2 min 5 s`."""
    return f"{so_far} s" if so_far < 60 else f"{so_far // 60} min {so_far % 60} s"


def _tiles(snapshot: LiveSnapshot) -> Rows:
    shown = snapshot.range
    peak = f"at most {figures.count(snapshot.peak_calls_today)} at once today"
    minute = [f"{name} {figures.count(tokens)}" for name, tokens in sorted(snapshot.minute.items())]
    today = f"today {figures.count(snapshot.tokens_today)}"
    so_far = f"{today}, {compared(snapshot.tokens_today, snapshot.tokens_yesterday)}"
    trouble = in_range(shown.range, status=NOT_OK_AT_ALL if shown.failed or not shown.refused else REFUSED)
    quarter = usage_address(when={"range": "15m"})
    first_byte, within = _usual_first_byte(shown)
    return {
        "calls": _tile("Calls now", "#calls-now", figures.count(len(snapshot.calls)), peak),
        "minute": _tile(
            "Tokens this minute", quarter, figures.count(sum(snapshot.minute.values())), " · ".join(minute) or "quiet"
        ),
        "tokens": _tile(f"Tokens, {shown.range.name}", in_range(shown.range), figures.count(shown.tokens), so_far),
        "first-byte": _tile("First byte, half within", "#first-byte", first_byte, within),
        "trouble": _tile(
            "Failed or refused",
            trouble,
            figures.count(shown.failed + shown.refused),
            f"{figures.count(shown.failed)} failed · {figures.count(shown.refused)} refused",
        ),
    }


def _usual_first_byte(shown: RangeSnapshot) -> tuple[str, str]:
    """Of the backend that answered most."""
    backends = [first for first in shown.first_bytes if not first.model]
    usual = max(backends, key=lambda first: first.calls, default=None)
    if usual is None:
        return "none yet", ""
    return seconds(usual.p50_ms), f"{usual.backend} · 19 of 20 within {seconds(usual.p95_ms)}"


def _tile(label: str, href: str, value: str, note: str) -> Markup:
    return tag(
        "a",
        tag("span", label, class_="label"),
        tag("span", value, class_="value"),
        tag("span", note, class_="note"),
        class_="card stat",
        href=href,
    )


def _bars(shown: RangeSnapshot, used: tuple[Used, ...], *, are_games: bool = False) -> Rows:
    most = max((each.tokens for each in used), default=0) or 1
    rows = {}
    for each in used:
        name = game_name(each.id, each.name) if are_games else each.name or "A deleted user"
        href = in_range(shown.range, **({"game_id": each.id} if are_games else {"user_id": each.id}))
        # The key of no game would be that of no row.
        rows[f"id {each.id}"] = _bar(name, href, each.tokens, each.tokens / most, _in_calls(each.calls))
    return rows


def _in_calls(calls: int) -> str:
    """Calls that run are not among them."""
    return f"in {figures.counted(calls, 'call')}" if calls else "so far"


def _troubles(shown: RangeSnapshot) -> dict[str, Markup]:
    """How calls failed, and why others were refused."""
    most = max((*shown.failures.values(), *shown.refusals.values()), default=0) or 1
    failed = {
        status: _bar(ENDED.get(status, status), in_range(shown.range, status=status), calls, calls / most, "calls")
        for status, calls in shown.failures.items()
    }
    refused = {
        f"refused {reason}": _bar(reason_words(reason), refused_in(shown.range, reason), calls, calls / most, "refused")
        for reason, calls in shown.refusals.items()
    }
    return {**failed, **refused}


def _near(near: NearLimit) -> Markup:
    period = "" if near.limit_period == "total" else f" / {near.limit_period}"
    note = f"of {figures.count(near.token_limit)}{period}"
    return _bar(near.username, f"/admin/users/{near.user_id}", near.tokens_used, near.share, note)


def _bar(name: str, href: str, value: int, part: float, note: str) -> Markup:
    return tag(
        "div",
        tag("a", name, class_="name", href=href, title=name),
        tag("span", figures.count(value)),
        tag("span", note, class_="quiet"),
        markup.meter(part, name) if note.startswith("of ") else _share(part),
        class_="meter-row flat",
    )


def _share(part: float) -> Markup:
    """A bar that says nothing that does not stand above it: readers pass over it."""
    bar = Markup(f'<span style="width: {max(0.0, min(1.0, part)) * 100:.4g}%"></span>')
    return tag("span", bar, class_="meter", aria_hidden="true")


def _call(call: CallNow, titles: Mapping[str, str]) -> Markup:
    title = game_name(call.game_id, titles.get(call.game_id))
    who = tag("a", call.username, class_="clip", href=usage_address(Filter(user_id=call.user_id), when=_A_DAY))
    return tag(
        "tr",
        tag("td", who, class_="running"),
        tag("td", title, class_="clip", title=title),
        tag("td", call.model, class_=dot_class(call.backend)),
        tag("td", running(call.running_seconds), class_="number", data_label="Running"),
        tag("td", figures.count(call.total_tokens), class_="number", data_label="Tokens"),
    )


def _first_byte(first: FirstBytes, shown: RangeSnapshot) -> Markup:
    behind = in_range(shown.range, backend=first.backend, **({"model": first.model} if first.model else {}))
    classes = dot_class(first.backend) + ("" if first.model else " strong")
    return tag(
        "tr",
        tag("td", tag("a", first.model or f"all of {first.backend}", class_=classes, href=behind), class_="whole"),
        tag("td", seconds(first.p50_ms), class_="number strong", data_label="Half"),
        tag("td", seconds(first.p95_ms), class_="number", data_label="19 of 20"),
        tag("td", figures.count(first.calls), class_="number", data_label="Answers"),
    )


def _recent(call: RecentCall, titles: Mapping[str, str]) -> Markup:
    entry = call.entry
    title = game_name(entry.game_id, titles.get(entry.game_id))
    behind = usage_address(Filter(user_id=entry.user_id), when=_A_DAY)
    return tag(
        "tr",
        tag("td", markup.local_time(entry.timestamp, "clock"), class_="quiet figures"),
        tag("td", tag("a", call.username or "A deleted user", class_="clip", href=behind)),
        tag("td", title, class_="clip", title=title),
        tag("td", entry.model, class_=dot_class(entry.backend)),
        tag("td", figures.count(entry.prompt_tokens), class_="number", data_label="In"),
        tag("td", figures.count(entry.completion_tokens), class_="number", data_label="Out"),
        tag("td", seconds(entry.first_byte_ms), class_="number", data_label="First byte"),
        tag(
            "td",
            ENDED.get(entry.status, entry.status),
            class_="number" if entry.status == "ok" else "number strong",
            title="The counts are our estimate" if entry.estimated else None,
        ),
    )


def _or(rows: Rows, nothing: Markup) -> Rows:
    return rows or {NOTHING: nothing}


def _says(words: str) -> Markup:
    return tag("p", words, class_="nothing")


def _says_in_table(words: str) -> Markup:
    return tag("tr", tag("td", words, class_="nothing", colspan="9"))


_A_DAY = {"range": "24h"}
