"""How the guide is written: small functions that give HTML, of our own words alone.

Within a text `code`, **strong** and [words](address) are marked; everything else is shown as it is. A whole page goes
to the browser as one piece: hundreds of elements would only cost memory for as long as it is open.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from html import escape

from pygments.lexers import get_lexer_by_name
from pygments.token import Token

_MARKS = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\(([^)\s]+)\)")


def inline(text: str) -> str:
    """A text with its marks."""
    parts, at = [], 0
    for mark in _MARKS.finditer(text):
        parts.append(escape(text[at : mark.start()]))
        code, strong, words, address = mark.groups()
        if code is not None:
            parts.append(f"<code>{escape(code)}</code>")
        elif strong is not None:
            parts.append(f"<strong>{escape(strong)}</strong>")
        else:
            parts.append(link(words, address))
        at = mark.end()
    return "".join([*parts, escape(text[at:])])


def link(words: str, address: str) -> str:
    """A link; one that leads to another site opens beside the page."""
    beside = ' target="_blank" rel="noreferrer"' if "://" in address else ""
    return f'<a href="{escape(address)}"{beside}>{escape(words)}</a>'


def heading(level: int, text: str, anchor: str = "") -> str:
    at = f' id="{escape(anchor)}"' if anchor else ""
    return f"<h{level}{at}>{inline(text)}</h{level}>"


def paragraph(text: str) -> str:
    return f"<p>{inline(text)}</p>"


def bullets(items: Iterable[str], *, ordered: bool = False) -> str:
    tag = "ol" if ordered else "ul"
    return f"<{tag}>{''.join(f'<li>{inline(item)}</li>' for item in items)}</{tag}>"


def aside(text: str) -> str:
    """A sentence that is not to be missed."""
    return f'<div class="notice"><span>{inline(text)}</span></div>'


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, label: str) -> str:
    """On a phone each row becomes a few lines."""
    head = "".join(f'<th scope="col">{inline(each)}</th>' for each in headings)
    body = "".join("<tr>" + "".join(f"<td>{inline(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="table-scroll" role="region" aria-label="{escape(label)}" tabindex="0">'
        f'<table class="table stacked"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def code(source: str, language: str, label: str, *, is_tall: bool = False) -> str:
    """A block with a copy button, which frame.js serves. A tall one scrolls within itself."""
    classes = "code" + " tall" * is_tall + " wrapped" * (language == "text")
    return (
        f'<div class="{classes}"><div class="code-label"><span>{escape(label)}</span>'
        f'<button type="button" class="button copy" aria-label="Copy: {escape(label)}">Copy</button></div>'
        f'<pre tabindex="0" role="group" aria-label="{escape(label)}">'
        f"<code>{coloured(source, language)}</code></pre></div>"
    )


@lru_cache(256)
def coloured(source: str, language: str) -> str:
    """Source as HTML, in which the parts that docs.css gives a colour stand in spans. Others would make a page of
    sources three times as heavy."""
    parts: list[tuple[str, str]] = []
    for kind, text in get_lexer_by_name(language, stripnl=False).get_tokens(source):
        name = next((name for parent, name in _COLOURED if kind in parent), "")
        if parts and (parts[-1][0] == name or not text.strip()):
            parts[-1] = (parts[-1][0], parts[-1][1] + text)
        else:
            parts.append((name, text))
    html = (
        f'<span class="{name}">{escape(text)}</span>' if name else escape(text, quote=False) for name, text in parts
    )
    return "".join(html).rstrip("\n")


# Kinds of Pygments', and the class that docs.css knows; the first that fits counts.
_COLOURED = (
    (Token.Comment, "c"),
    (Token.Keyword, "k"),
    (Token.Operator.Word, "k"),
    (Token.Name.Tag, "t"),
    (Token.Name.Attribute, "a"),
    (Token.Name.Function, "f"),
    (Token.Name.Class, "f"),
    (Token.Literal.String, "s"),
    (Token.Literal.Number, "a"),
)
