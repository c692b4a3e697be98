"""Tokens by day as bars, in SVG: no script, in the colours of either theme."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from pages import figures
from pages.design import BACKEND_COLOUR

_WIDTH, _HEIGHT, _GAP = 600, 150, 0.28
_LABELS = 5


def days_until(last: date, number: int) -> list[date]:
    """The `number` days that end with `last`, oldest first."""
    return [last - timedelta(days=back) for back in range(number - 1, -1, -1)]


def bars(days: Sequence[date], tokens: Mapping[tuple[date, str], int], unit: str = "day") -> str:
    """An SVG with one bar for each day, split by backend. `tokens` are counts by day and backend. With another `unit`,
    such as `week`, the days are those that each bar begins with.

    Everything in it is a number or a name of ours, so it may be shown as HTML.
    """
    backends = [*BACKEND_COLOUR]
    highest = max((sum(tokens.get((day, name), 0) for name in backends) for day in days), default=0)
    top = _round_up(highest)
    step = _WIDTH / max(1, len(days))
    parts = [_grid(top)]
    for position, day in enumerate(days):
        left, foot, told = position * step + step * _GAP / 2, float(_HEIGHT), []
        for name in backends:
            amount = tokens.get((day, name), 0)
            if amount <= 0:
                continue
            height = max(1.5, amount / top * _HEIGHT)
            foot -= height
            parts.append(
                f'<rect x="{left:.1f}" y="{foot:.1f}" width="{step * (1 - _GAP):.1f}" height="{height:.1f}" rx="2"'
                f' fill="var(--{BACKEND_COLOUR[name]})"/>'
            )
            told.append(f"{name} {figures.count(amount)}")
        tip = f"{'' if unit == 'day' else f'{unit.capitalize()} from '}{_short(day)}: {', '.join(told) or 'nothing'}"
        parts.append(
            f'<rect x="{position * step:.1f}" y="0" width="{step:.1f}" height="{_HEIGHT}" fill="transparent">'
            f"<title>{tip}</title></rect>"
        )
    total = figures.count(sum(tokens.get((day, name), 0) for day in days for name in backends))
    return (
        f'<div class="bars"><div class="bars-top">{figures.count(top)}</div>'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img"'
        f' aria-label="Tokens by {unit}: {total} in {len(days)} {unit}s">{"".join(parts)}</svg>'
        f'<div class="bars-days">{_day_labels(days)}</div></div>'
    )


def _grid(top: int) -> str:
    lines = (0, 1) if top < 2 else (0, 0.5, 1)
    return "".join(
        f'<line x1="0" x2="{_WIDTH}" y1="{_HEIGHT * part:.1f}" y2="{_HEIGHT * part:.1f}" stroke="var(--line)"'
        ' vector-effect="non-scaling-stroke"/>'
        for part in lines
    )


def _day_labels(days: Sequence[date]) -> str:
    every = max(1, (len(days) - 1) // (_LABELS - 1))
    return "".join(f"<span>{_short(day)}</span>" for day in days[::-every][:_LABELS][::-1])


def _short(day: date) -> str:
    return f"{day.day} {day:%b}"


def _round_up(amount: int) -> int:
    """The next 1, 2 or 5 with zeros: 4812 is 5000."""
    size = int("1" + "0" * (len(str(max(1, amount))) - 1))
    return next(size * factor for factor in (1, 2, 5, 10) if size * factor >= amount)
