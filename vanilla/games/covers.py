"""Covers, 4:3: an uploaded picture decoded and written anew, or one drawn from the game's name."""

import hashlib
import io
import math
import random
import struct
import threading
import zlib
from collections.abc import Callable, Collection
from pathlib import Path

from PIL import Image, ImageOps

from vanilla.errors import Invalid, TooLarge

NO_PICTURE = (Invalid, TooLarge)  # what `encoded` raises
NAMES = tuple(
    f"{name}.{kind}" for name in ("cover", "thumbnail") for kind in ("webp", "png", "jpg", "jpeg", "avif", "gif")
)
SIZES = {"card": (640, 480), "page": (1280, 960)}  # pixels
LARGEST_FILE = 10_000_000  # bytes of an upload
MOST_PIXELS = 16_000_000  # decoded: 64 MB of memory; JPEGs are decoded at a fraction of their size
DRAWING = 2  # raise when the drawing changes: browsers keep covers for ever
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF")
_TOO_MANY = f"The cover has more than {MOST_PIXELS // 1_000_000} million pixels."
_REDUCIBLE = ("L", "RGB", "RGBA", "CMYK")  # others average numbers that are no colours
_ORIENTATION = 0x0112  # the tag of EXIF, and what its values ask for
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_turns = threading.Semaphore(2)  # pictures decoded at once: memory is bounded however many are uploaded
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


def name_of(said: str, files: Collection[str]) -> str:
    """Which file of a game is its cover: the one that its meta.json names, or one that is called as covers are."""
    return said if said in files else next((each for each in NAMES if each in files), "")


def encoded(source: Path) -> dict[str, bytes]:
    """A picture as WebP in each of SIZES (`card.webp`, `page.webp`), without what else was in the file. Blocks.

    PNG, JPEG, WebP, GIF and AVIF are read, of animations the first frame. Raises TooLarge, or Invalid when it is none
    of these.
    """
    if source.stat().st_size > LARGEST_FILE:
        raise TooLarge(f"The cover is larger than {LARGEST_FILE // 1_000_000} MB.")
    try:
        with _turns, Image.open(source, formats=_FORMATS) as picture:
            picture.draft("RGB", SIZES["page"])  # a JPEG need not be decoded larger than this
            if picture.width * picture.height > MOST_PIXELS:
                raise Invalid(_TOO_MANY)
            return {f"{name}.webp": data for name, data in _written(picture).items()}
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Invalid(_TOO_MANY) from None
    except _DAMAGED:
        raise Invalid("The cover is not a picture that can be read; use a PNG, JPEG, WebP, GIF or AVIF.") from None


def _written(picture: Image.Image) -> dict[str, bytes]:
    picture.load()
    # Smaller first: everything from here on makes copies.
    width, height = SIZES["page"]
    if (times := min(picture.width // width, picture.height // height) // 2) > 1 and picture.mode in _REDUCIBLE:
        upright = _upright(picture.reduce(times), picture)
    else:
        upright = _upright(picture, picture)
    return {name: _webp(upright, size) for name, size in SIZES.items()}


def _upright(picture: Image.Image, original: Image.Image) -> Image.Image:
    """The picture as cameras mean it, with 8 bits for each of red, green, blue and alpha."""
    if picture.mode.startswith("I"):  # 16 bits of grey, which Pillow would cut off at white
        picture = picture.convert("F").point(lambda value: value * (255 / 65535)).convert("L")
    turned = _TURNS.get(original.getexif().get(_ORIENTATION, 1))
    picture = picture.convert("RGBA")
    return picture if turned is None else picture.transpose(turned)


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
    sun = _circle(chance.uniform(90, 550), chance.uniform(80, 170), chance.uniform(40, 84), light)
    hills = []
    colours = ((deep, 0.38), (main, 0.62), (deep, 0.62), (main, 0.9), (deep, 0.94))[chance.choice((0, 0, 1, 2)) :]
    first = chance.uniform(150, 220)
    for n, (colour, opacity) in enumerate(colours):
        top, swell = first + n * (_HEIGHT - first) / len(colours), chance.uniform(20, 74) * chance.choice((-1, 1))
        crest = chance.uniform(0.5, 0.72)
        hills.append(
            f'<path d="M0 {top:.0f}C{_WIDTH * 0.22:.0f} {top - swell * 1.6:.0f} {_WIDTH * 0.38:.0f} {top + swell:.0f} '
            f"{_WIDTH * crest:.0f} {top + swell * 0.4:.0f}S{_WIDTH * 0.9:.0f} {top - swell:.0f} {_WIDTH} "
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
    """Rings that rise from an edge or a corner, like a sunrise."""
    x, y = chance.choice(
        (
            (chance.uniform(120, 520), _HEIGHT - 30.0),
            (chance.uniform(120, 520), _HEIGHT - 30.0),
            (20.0, chance.uniform(160, 400)),
            (_WIDTH - 20.0, chance.uniform(160, 400)),
            (40.0, 40.0),
            (_WIDTH - 40.0, 40.0),
        )
    )
    count = chance.choice((4, 5, 6))
    largest = chance.uniform(340, 460)
    rings = []
    for n in range(count):
        colour, opacity = (main, 0.3 + 0.7 * n / (count - 3)) if n < count - 2 else (deep, 0.95)
        if n == count - 1:
            colour, opacity = light, 1
        rings.append(_circle(x, y, largest * (count - n) / count, colour, min(1, round(opacity, 2))))
    return "".join(rings)


def _quarters(chance: random.Random, main: str, deep: str, light: str) -> str:
    """Quarters of circles in tiles, each turned its own way."""
    side = chance.choice((120, 160))
    tiles = []
    for row in range(_HEIGHT // side):
        for column in range(-(-_WIDTH // side)):
            x, y = column * side - (-_WIDTH % side) // 2, row * side
            back, front = chance.sample((main, deep, light, "none"), 2)
            if back != "none":
                # A little larger, so that no seam shows between two of one colour.
                tiles.append(f'<rect x="{x}" y="{y}" width="{side + 1}" height="{side + 1}" fill="{back}"/>')
            if front == "none":
                continue
            if chance.random() < 0.25:
                tiles.append(_circle(x + side / 2, y + side / 2, side * 0.3, front))
                continue
            right, low, turn = chance.choice(((0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)))
            corner_x, corner_y = x + right * side, y + low * side
            along, down = (-side if right else side), (-side if low else side)
            sweep = turn if bool(right) == bool(low) else 1 - turn
            tiles.append(
                f'<path d="M{corner_x} {corner_y}h{along}a{side} {side} 0 0 {sweep} {-along} {down}Z" fill="{front}"/>'
            )
    return "".join(tiles)


def _peaks(chance: random.Random, main: str, deep: str, light: str) -> str:
    """Mountains with snow on them, and a moon."""
    drawn = [_circle(chance.uniform(90, 550), chance.uniform(70, 120), chance.uniform(34, 56), light)]
    x = chance.uniform(-60, 20)
    for colour, opacity in ((main, 0.45), (main, 1.0), (deep, 0.95)):
        for _ in range(2):
            half, top = chance.uniform(150, 230), chance.uniform(120, 250) + (90 if colour == deep else 0)
            peak = x + half
            fall = (_HEIGHT - top) / half
            cap = chance.uniform(40, 60)
            drawn.append(
                f'<path d="M{x:.0f} {_HEIGHT}L{peak:.0f} {top:.0f}L{x + 2 * half:.0f} {_HEIGHT}Z" fill="{colour}" '
                f'fill-opacity="{opacity}"/>'
            )
            if opacity > 0.5:
                wide = cap / fall
                drawn.append(
                    f'<path d="M{peak:.0f} {top:.0f}l{wide:.0f} {cap:.0f}l{-wide * 0.6:.0f} {-cap * 0.3:.0f}l'
                    f"{-wide * 0.4:.0f} {cap * 0.3:.0f}l{-wide * 0.4:.0f} {-cap * 0.3:.0f}l{-wide * 0.6:.0f} "
                    f'{cap * 0.3:.0f}Z" fill="{light}"/>'
                )
            x += chance.uniform(200, 330)
        x = chance.uniform(-120, 60)
    return "".join(drawn)


def _orbits(chance: random.Random, main: str, deep: str, light: str) -> str:
    """Moons on their rings around a planet."""
    x, y = chance.uniform(230, 410), chance.uniform(190, 290)
    drawn = []
    radius = chance.uniform(56, 84)
    drawn.append(_circle(x, y, radius, main))
    drawn.append(_circle(x - radius * 0.22, y - radius * 0.22, radius * 0.5, light, 0.55))
    for n in range(chance.choice((3, 4))):
        radius += chance.uniform(50, 76)
        drawn.append(
            f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{radius:.0f}" fill="none" stroke="{deep}" stroke-opacity="0.35" '
            'stroke-width="5"/>'
        )
        for _ in range(1 if n < 2 else 2):
            angle = chance.uniform(0, 2 * math.pi)
            moon = chance.uniform(16, 34)
            drawn.append(
                _circle(
                    x + radius * math.cos(angle), y + radius * math.sin(angle), moon, chance.choice((deep, main, light))
                )
            )
    return "".join(drawn)


def _circle(x: float, y: float, radius: float, colour: str, opacity: float = 1) -> str:
    return f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{radius:.0f}" fill="{colour}" fill-opacity="{opacity}"/>'


_DRAWINGS: tuple[Callable[[random.Random, str, str, str], str], ...] = (
    _circles,
    _bars,
    _waves,
    _grid,
    _rays,
    _quarters,
    _peaks,
    _orbits,
)
