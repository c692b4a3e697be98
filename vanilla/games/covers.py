"""Covers, 4:3: an uploaded picture decoded and written anew, or one drawn from the game's name."""

import hashlib
import io
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageOps

from vanilla.errors import Invalid, TooLarge

SIZES = {"card": (640, 480), "page": (1280, 960)}  # pixels
LARGEST_FILE = 10_000_000  # bytes of an upload
MOST_PIXELS = 40_000_000  # decoded: 160 MB of memory
DRAWING = 1  # raise when the drawing changes: browsers keep covers for ever
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF")
# Everything Pillow is known to raise on a damaged or crafted picture.
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, LookupError, ZeroDivisionError, struct.error, zlib.error)

# Eight palettes: ground, main, deep, light.
PALETTES = (
    ("#BFE5D6", "#3B9682", "#0F4540", "#F1FAF4"),  # mint
    ("#F6DFA4", "#DB8B33", "#76441C", "#FFF5DC"),  # caramel
    ("#F7C8B6", "#E5572D", "#7A1D3B", "#FFF3DA"),  # coral
    ("#EED0EF", "#A052AF", "#481757", "#FBF2FC"),  # plum
    ("#F4C2D7", "#B93672", "#6A163F", "#FFF5DC"),  # berry
    ("#D9E8B2", "#73A138", "#2B4413", "#F8FBEA"),  # pistachio
    ("#C5DDF6", "#3F7FC4", "#173A6B", "#F4F9FF"),  # sky
    ("#F9E3C0", "#C9475B", "#3B2A5C", "#FFF8E9"),  # dusk
)
_WIDTH, _HEIGHT = 640, 480


def drawn(name: str) -> str:
    """An SVG for a game without a picture: shapes and no text, always the same for the same name."""
    chance = random.Random(hashlib.sha256(name.casefold().encode("utf-8", "replace")).digest())
    ground, main, deep, light = chance.choice(PALETTES)
    shapes = chance.choice(_DRAWINGS)(chance, main, deep, light)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" preserveAspectRatio="xMidYMid slice">'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="{ground}"/>{shapes}</svg>'
    )


def drawing_version(name: str) -> str:
    """Changes when the drawing for this name would."""
    return f"{DRAWING}-{hashlib.sha256(name.casefold().encode('utf-8', 'replace')).hexdigest()[:10]}"


def encoded(source: Path) -> dict[str, bytes]:
    """A picture as WebP in each of SIZES (`card.webp`, `page.webp`), without what else was in the file. Blocks.

    PNG, JPEG, WebP, GIF (its first frame) and AVIF are read. Raises TooLarge, or Invalid when it is none of these.
    """
    if source.stat().st_size > LARGEST_FILE:
        raise TooLarge(f"The cover is larger than {LARGEST_FILE // 1_000_000} MB.")
    try:
        with Image.open(source, formats=_FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise Invalid(f"The cover has more than {MOST_PIXELS // 1_000_000} million pixels.")
            picture.draft("RGB", SIZES["page"])  # a JPEG need not be decoded larger than this
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Invalid(f"The cover has more than {MOST_PIXELS // 1_000_000} million pixels.") from None
    except _DAMAGED:
        raise Invalid("The cover is not a picture that can be read; use a PNG, JPEG, WebP, GIF or AVIF.") from None
    return {f"{name}.webp": _webp(upright, size) for name, size in SIZES.items()}


def _webp(picture: Image.Image, size: tuple[int, int]) -> bytes:
    fitted = ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    is_opaque = fitted.getchannel("A").getextrema() == (255, 255)
    (fitted.convert("RGB") if is_opaque else fitted).save(buffer, "WEBP", quality=82)
    return buffer.getvalue()


def _circles(chance: random.Random, main: str, deep: str, light: str) -> str:
    """A large circle, a deep one across its edge, and a light one in both."""
    large = chance.uniform(185, 225)
    x, y = chance.uniform(200, 440), chance.uniform(140, 260)
    side = chance.choice((-1, 1))
    medium = large * chance.uniform(0.62, 0.76)
    small = large * chance.uniform(0.36, 0.46)
    return (
        _circle(x, y, large, main)
        + _circle(x + side * large * 0.5, y + large * chance.uniform(0.5, 0.75), medium, deep, 0.92)
        + _circle(x + side * large * 0.08, y + large * 0.18, small, light, 0.82)
    )


def _bars(chance: random.Random, main: str, deep: str, light: str) -> str:
    """A skyline of rounded bars below a pale moon."""
    moon = _circle(chance.uniform(140, 520), chance.uniform(60, 110), chance.uniform(34, 46), light)
    bars = []
    low = chance.random() < 0.5
    for n in range(10):
        low = not low if chance.random() < 0.75 else low
        height = chance.uniform(120, 230) if low else chance.uniform(250, 390)
        x = n * 66 - 16
        colour = deep if chance.random() < 0.36 else main
        bars.append(
            f'<rect x="{x}" y="{_HEIGHT - height:.0f}" width="46" height="{height + 30:.0f}" rx="23" fill="{colour}"/>'
        )
    return moon + "".join(bars)


def _waves(chance: random.Random, main: str, deep: str, light: str) -> str:
    """Hills one before the other, and a sun."""
    sun = _circle(chance.uniform(160, 480), chance.uniform(90, 140), chance.uniform(50, 66), light)
    hills = []
    for n, (colour, opacity) in enumerate(((deep, 0.38), (main, 0.62), (deep, 0.62), (main, 0.9), (deep, 0.94))):
        top, swell = 160 + n * 68, chance.uniform(26, 52) * chance.choice((-1, 1))
        hills.append(
            f'<path d="M0 {top:.0f}C{_WIDTH * 0.25:.0f} {top - swell * 1.6:.0f} {_WIDTH * 0.4:.0f} {top + swell:.0f} '
            f"{_WIDTH * 0.62:.0f} {top + swell * 0.4:.0f}S{_WIDTH * 0.9:.0f} {top - swell:.0f} {_WIDTH} "
            f'{top - swell * 0.5:.0f}V{_HEIGHT}H0Z" fill="{colour}" fill-opacity="{opacity}"/>'
        )
    return sun + "".join(hills)


def _grid(chance: random.Random, main: str, deep: str, light: str) -> str:
    """Tiles and dots in rows, some missing."""
    step, size = 96, 72
    marks = []
    for row in range(5):
        for column in range(7):
            if chance.random() < 0.3:
                continue
            colour = chance.choice((main, main, deep, light))
            corner = chance.choice((14, size // 2))
            marks.append(
                f'<rect x="{column * step - 4}" y="{row * step + 12}" width="{size}" height="{size}" '
                f'rx="{corner}" fill="{colour}"/>'
            )
    return "".join(marks)


def _rays(chance: random.Random, main: str, deep: str, light: str) -> str:
    """Rings that rise from an edge, like a sunrise."""
    x = chance.uniform(180, 460)
    rings = ((380, main, 0.3), (300, main, 0.55), (222, main, 1), (146, deep, 0.95), (74, light, 1))
    return "".join(_circle(x, _HEIGHT - 30, radius, colour, opacity) for radius, colour, opacity in rings)


def _circle(x: float, y: float, radius: float, colour: str, opacity: float = 1) -> str:
    return f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{radius:.0f}" fill="{colour}" fill-opacity="{opacity}"/>'


_DRAWINGS: tuple[Callable[[random.Random, str, str, str], str], ...] = (_circles, _bars, _waves, _grid, _rays)
