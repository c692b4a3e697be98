"""Answers that are CSV files, written as they are read, so that the longest takes no memory."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from starlette.responses import StreamingResponse

from vanilla.models import utc_now

# What a spreadsheet takes for the beginning of a formula. The last four are wide.
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_file(name: str, pieces: AsyncIterator[str]) -> StreamingResponse:
    """A download, named for today."""
    return StreamingResponse(
        pieces,
        media_type="text/csv; charset=utf-8",
        headers={
            "content-disposition": f'attachment; filename="{name}-{utc_now():%Y-%m-%d}.csv"',
            "cache-control": "no-store",
        },
    )


def heading(columns: Sequence[str]) -> str:
    """The first line."""
    return ",".join(columns) + "\r\n"


def lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """A line for each row."""
    text = io.StringIO()
    csv.writer(text).writerows([_cell(row[name]) for name in columns] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    """No formula: names and notes are other people's text. Truth is 0 or 1."""
    if isinstance(value, str) and value.startswith(FORMULAS):
        return f"'{value}"
    return int(value) if isinstance(value, bool) else value
