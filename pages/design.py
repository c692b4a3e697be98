"""The look: every token once, for light and dark, and what stands in the head of every page.

`vanilla/static/design.css` draws with these names (`var(--paper)`) and holds no colour of its own.
"""

import hashlib
from functools import cache
from pathlib import Path

STATIC = Path(__file__).parents[1] / "vanilla" / "static"

LIGHT = {
    "paper": "#FFFAF0",  # the page
    "card": "#FFFFFF",  # surfaces, the header
    "sunk": "#F6EEDD",  # wells, tags, tracks
    "line": "#E4D8C0",  # hairlines
    "ink": "#2A211A",  # text
    "soft": "#6A5B4C",  # secondary text
    "cherry": "#B3123F",  # the one action, focus, near a limit
    "on-cherry": "#FFFFFF",  # text on it
    "cherry-deep": "#960F35",  # under the pointer
    "caramel": "#9A5B00",  # Anthropic, the first series
    "mint": "#0B6E58",  # Ollama, the second series, live
    "sky": "#2B5FA8",
    "plum": "#6B3FA0",
    "danger": "#B42318",
    "ok": "#11734B",
    "edge": "#8C7A63",  # borders of what can be typed into: 3:1 on the paper
    "shade": "rgb(66 44 20 / 8%)",
    "shade-deep": "rgb(66 44 20 / 16%)",
    "scrim": "rgb(42 33 26 / 45%)",
}

DARK = {
    "paper": "#17120F",
    "card": "#221B17",
    "sunk": "#0F0C0A",
    "line": "#3A2F28",
    "ink": "#FBF3E4",
    "soft": "#C3B4A1",
    "cherry": "#FF7A9C",
    "on-cherry": "#17120F",
    "cherry-deep": "#FF95B0",
    "caramel": "#F0B35A",
    "mint": "#5FD3B3",
    "sky": "#8DB8FF",
    "plum": "#C9A6FF",
    "danger": "#FF8A7A",
    "ok": "#6FD6A0",
    "edge": "#8A7767",
    "shade": "rgb(0 0 0 / 30%)",
    "shade-deep": "rgb(0 0 0 / 50%)",
    "scrim": "rgb(0 0 0 / 60%)",
}

BACKEND_COLOUR = {"anthropic": "caramel", "ollama": "mint"}

MEASURES = {
    "font-text": '"Figtree Variable", Figtree, system-ui, sans-serif',
    "font-heading": '"Fredoka Variable", Fredoka, "Figtree Variable", system-ui, sans-serif',
    "font-code": 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace',
    "text-1": "34px",  # the heading of a page
    "text-2": "24px",
    "text-3": "19px",  # the heading of a card
    "text-4": "18px",  # the name of a game on its card
    "text-figure": "30px",  # figures on tiles
    "text-body": "16px",
    "text-note": "15px",  # tables
    "text-small": "14px",
    "text-code": "13.5px",
    "text-tiny": "13px",
    "space-1": "8px",
    "space-2": "16px",
    "space-3": "24px",
    "space-4": "32px",
    "space-5": "40px",
    "edge-of-page": "40px",
    "radius-card": "20px",
    "radius-rows": "24px",  # pills in several rows
    "radius-field": "14px",
    "radius-part": "12px",  # what lies in a card or a menu
    "radius-word": "6px",
    "radius-pill": "999px",
    "page-width": "1280px",
    "quick": "140ms",
}

# The brand: a cone, its scoop, a cherry. The colours are those of light and dark paper alike.
CONE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 40" role="img" aria-hidden="true" focusable="false">'
    '<path d="M7.5 21h17L16 38.5z" fill="#9A5B00"/>'
    '<path d="M7.5 21h17l-2.2 4.5H9.7z" fill="#C98A2B"/>'
    '<path d="M16 5.5c5.6 0 9.5 4 9.5 9.4 0 1.7-.2 3.3-.8 4.7-.7 1.9-2.9 2.3-4.4 1.1-1.2 1.6-3.3 1.9-4.5.5'
    '-1.5 1.5-3.8 1-4.6-.6-1.5.9-3.3.5-3.9-1-.6-1.4-.8-3-.8-4.7 0-5.4 3.9-9.4 9.5-9.4z" fill="#F2DDAE"/>'
    '<path d="M11 10.5c1.2-1.4 2.9-2.2 4.8-2.2" fill="none" stroke="#FFF6DF" stroke-width="1.8"'
    ' stroke-linecap="round"/>'
    '<circle cx="20.5" cy="5.5" r="4" fill="#C81E4F"/>'
    '<path d="M20.8 1.8c.5-.9 1.4-1.4 2.5-1.5" fill="none" stroke="#7A4A12" stroke-width="1.3"'
    ' stroke-linecap="round"/>'
    "</svg>"
)


def head() -> str:
    """What every page carries in its head, with NiceGUI and without."""
    return (
        f"<style>{_tokens()}</style>"
        f'<link rel="preload" href="{_font("figtree-latin-wght-normal")}" as="font" type="font/woff2" crossorigin>'
        f'<link rel="preload" href="{_font("fredoka-latin-wght-normal")}" as="font" type="font/woff2" crossorigin>'
        f'<link rel="stylesheet" href="{asset("design.css")}">'
        f'<link rel="icon" type="image/svg+xml" href="{asset("brand.svg")}">'
        f'<meta name="theme-color" content="{LIGHT["card"]}" media="(prefers-color-scheme: light)">'
        f'<meta name="theme-color" content="{DARK["card"]}" media="(prefers-color-scheme: dark)">'
        f"<script>{_THEME_BEFORE_FIRST_PAINT}</script>"
        f'<script defer src="{asset("frame.js")}"></script>'
    )


def live_head() -> str:
    """What the pages that NiceGUI keeps open carry besides."""
    return f'<script defer src="{asset("steady.js")}"></script>'


@cache
def asset(name: str) -> str:
    """The address of a file in vanilla/static with its contents' digest, so that it may be cached for ever.

    Raises FileNotFoundError.
    """
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def _tokens() -> str:
    light, dark, measures = _variables(LIGHT), _variables(DARK), _variables(MEASURES)
    return (
        f":root{{color-scheme:light;{measures}{light}}}"
        f'@media (prefers-color-scheme:dark){{:root:not([data-theme="light"]){{color-scheme:dark;{dark}}}}}'
        f':root[data-theme="dark"]{{color-scheme:dark;{dark}}}'
        "@media (max-width:719px){:root{--edge-of-page:16px;--text-1:28px}}"
        "html{background:var(--paper)}"
    )


def _variables(values: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in values.items())


def _font(name: str) -> str:
    return f"/static/fonts/{name}.woff2"  # as design.css names it, or the browser would load it twice


# Until the page is drawn: its header, empty, so that nothing jumps or flashes.
WAITING = (
    '<style>body:not(:has(#app > *))::before{content:"";display:block;height:69px;background:var(--card);'
    "border-bottom:1px solid var(--line)}</style>"
)

_THEME_BEFORE_FIRST_PAINT = (
    "try{var t=localStorage.getItem('theme');"
    "if(t==='light'||t==='dark')document.documentElement.dataset.theme=t}catch(e){}"
)
