import io
import struct
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from vanilla.errors import Invalid, TooLarge
from vanilla.games import covers

NAMES = [f"Game number {n}" for n in range(60)]


def pixel(data: bytes, at: tuple[int, int]) -> tuple[int, ...]:
    with Image.open(io.BytesIO(data)) as image:
        value = image.convert("RGBA").getpixel(at)
    assert isinstance(value, tuple)
    return value


def saved(path: Path, image: Image.Image, kind: str, **options: object) -> Path:
    image.save(path, kind, **options)
    return path


def test_the_same_name_always_has_the_same_drawing() -> None:
    assert covers.drawn("Hexfall") == covers.drawn("hexfall")
    assert covers.drawing_version("Hexfall") == covers.drawing_version("hexfall")
    assert len({covers.drawn(name) for name in NAMES}) == len(NAMES)


def test_drawings_use_every_palette_and_nothing_but_shapes() -> None:
    grounds = set()
    for name in [*NAMES, "", "</svg><script>", "\ud800", "x" * 10_000]:
        root = ET.fromstring(covers.drawn(name))  # noqa: S314
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert tags <= {"svg", "rect", "circle", "path"}
        assert not (root.text or "").strip()
        assert len(root) >= 4
        grounds.add(root[0].get("fill"))
    assert grounds == {palette[0] for palette in covers.PALETTES}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "AVIF"])
def test_a_picture_is_cut_to_both_sizes(tmp_path: Path, kind: str) -> None:
    image = Image.new("RGB", (1000, 300), "#000000")
    image.paste("#FF0000", (400, 0, 600, 300))
    written = covers.encoded(saved(tmp_path / "cover", image, kind))
    assert set(written) == {"card.webp", "page.webp"}
    for name, size in (("card.webp", (640, 480)), ("page.webp", (1280, 960))):
        with Image.open(io.BytesIO(written[name])) as result:
            assert (result.format, result.size) == ("WEBP", size)
        red, green, _blue, _alpha = pixel(written[name], (size[0] // 2, size[1] // 2))
        assert (red > 200, green < 40) == (True, True)


def test_a_transparent_picture_stays_transparent(tmp_path: Path) -> None:
    image = Image.new("RGBA", (640, 480), (0, 0, 0, 0))
    assert pixel(covers.encoded(saved(tmp_path / "cover", image, "PNG"))["card.webp"], (5, 5))[3] == 0


def test_a_photograph_stands_upright_and_loses_its_place(tmp_path: Path) -> None:
    image = Image.new("RGB", (480, 640), "#0000FF")
    image.paste("#FF0000", (0, 0, 480, 320))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    exif[0x013B] = "somebody's name"
    card = covers.encoded(saved(tmp_path / "cover", image, "JPEG", exif=exif))["card.webp"]
    assert pixel(card, (320, 20))[2] > 200
    assert b"somebody" not in card
    assert b"EXIF" not in card


def test_a_large_photograph_is_taken_without_being_decoded_at_its_full_size(tmp_path: Path) -> None:
    source = saved(tmp_path / "cover", Image.new("L", (9000, 6000), 128), "JPEG")
    with Image.open(io.BytesIO(covers.encoded(source)["page.webp"])) as result:
        assert result.size == (1280, 960)


@pytest.mark.parametrize(
    ("make", "colour"),
    [
        (lambda: Image.new("CMYK", (800, 600), (0, 255, 255, 0)), (255, 0, 0, 255)),
        (lambda: Image.new("I;16", (800, 600), 0x8080), (128, 128, 128, 255)),
        (lambda: Image.new("1", (800, 600), 1), (255, 255, 255, 255)),
        (lambda: Image.new("LA", (800, 600), (200, 100)), (200, 200, 200, 100)),
        (lambda: Image.new("RGBA", (800, 600), (0, 0, 255, 128)).quantize(), (0, 0, 255, 128)),
    ],
    ids=["CMYK", "16 bits", "1 bit", "grey with alpha", "palette with alpha"],
)
def test_every_kind_of_colour_comes_out_as_it_was_meant(
    tmp_path: Path, make: Callable[[], Image.Image], colour: tuple[int, ...]
) -> None:
    image = make()
    source = saved(tmp_path / "cover", image, "JPEG" if image.mode == "CMYK" else "PNG")
    seen = pixel(covers.encoded(source)["card.webp"], (320, 240))
    assert all(abs(is_ - was) <= 3 for is_, was in zip(seen, colour, strict=True)), seen


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_of_an_animation_the_first_picture_is_taken(tmp_path: Path, kind: str) -> None:
    frames = [Image.new("RGB", (640, 480), colour) for colour in ("#FF0000", "#00FF00", "#0000FF")]
    source = saved(tmp_path / "cover", frames[0], kind, save_all=True, append_images=frames[1:])
    red, green, blue, _ = pixel(covers.encoded(source)["card.webp"], (320, 240))
    assert (red > 240, green < 16, blue < 16) == (True, True, True)


@pytest.mark.parametrize(
    ("orientation", "corner"), [(1, "tl"), (2, "tr"), (3, "br"), (4, "bl"), (5, "tl"), (6, "tr"), (7, "br"), (8, "bl")]
)
def test_a_picture_is_turned_as_its_camera_says(tmp_path: Path, orientation: int, corner: str) -> None:
    image = Image.new("RGB", (480, 480), "#0000FF")
    image.paste("#FF0000", (0, 0, 240, 240))
    exif = Image.Exif()
    exif[0x0112] = orientation
    card = covers.encoded(saved(tmp_path / "cover", image, "JPEG", exif=exif))["card.webp"]
    corners = {"tl": (40, 40), "tr": (600, 40), "bl": (40, 440), "br": (600, 440)}
    assert {name for name, at in corners.items() if pixel(card, at)[0] > 200} == {corner}


def _png_of(width: int, height: int) -> bytes:
    """A PNG that declares that many pixels and has none."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    header = struct.pack(">2L5B", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (b"%PDF-1.4", "not a picture"),
        (b"BM" + bytes(100), "not a picture"),
        (_png_of(10, 10), "not a picture"),
        (_png_of(5000, 5000), "more than 16 million pixels"),
        (_png_of(10_000, 10_000), "more than 16 million pixels"),
        (_png_of(60_000, 60_000), "more than 16 million pixels"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "not a picture"),
        (b"GIF89a" + bytes(20), "not a picture"),
        (b"RIFF\x20\0\0\0WEBPVP8 " + bytes(30), "not a picture"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, data: bytes, sentence: str) -> None:
    source = tmp_path / "cover"
    source.write_bytes(data)
    with pytest.raises(Invalid, match=sentence):
        covers.encoded(source)


def test_a_truncated_picture_is_refused(tmp_path: Path) -> None:
    source = saved(tmp_path / "cover", Image.effect_noise((400, 300), 50).convert("RGB"), "PNG")
    source.write_bytes(source.read_bytes()[:-5000])
    with pytest.raises(Invalid, match="not a picture"):
        covers.encoded(source)


def test_a_large_file_is_not_even_opened(tmp_path: Path) -> None:
    source = tmp_path / "cover"
    source.write_bytes(bytes(covers.LARGEST_FILE + 1))
    with pytest.raises(TooLarge, match="larger than 10 MB"):
        covers.encoded(source)
