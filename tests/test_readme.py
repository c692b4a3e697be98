"""The front door is true: each setting with its default, each command and path that it names, its example game."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from tests.factories import Factory
from vanilla.commands import line
from vanilla.services import Services
from vanilla.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
FENCED = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PATH = re.compile(r"(vanilla|pages|tests|\.ci)/|\w+\.md$|main\.py$|\.env\.")
PROSE = re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)


def shown(field: FieldInfo) -> str:
    """A setting's default as the table shows it."""
    value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    if value in ("", ()):
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def test_every_setting_is_there_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.+?) \| .+ \|$", PROSE, re.MULTILINE))
    assert rows == {name.upper(): shown(field) for name, field in Settings.model_fields.items()}


def test_every_command_is_a_target_and_every_target_is_told_of() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = set(re.findall(r"\bmake ([a-z][a-z0-9-]*)`", PROSE))
    assert told == targets - {"help"}


def test_every_command_of_the_command_line_is_there() -> None:
    told = set(re.findall(r"python main\.py ([a-z][a-z-]+)", README))
    there = {command.name or command.callback.__name__.replace("_", "-") for command in line.app.registered_commands}  # type: ignore[union-attr]
    assert told <= there
    assert there - told == {"serve"}  # the same as none


def test_every_path_is_there() -> None:
    linked = re.findall(r"\]\(([^)#:]+)\)", PROSE)
    named = [word for word in re.findall(r"`([\w./-]+)`", PROSE) if PATH.match(word)]
    tree = next(text for _, text in FENCED if text.startswith("main.py"))
    rooms, inside = [], ""
    for indent, name in re.findall(r"^( *)([\w./]+) ", tree, re.MULTILINE):
        inside = inside if indent else name
        rooms.append(inside + name if indent else name)
    assert len(linked) >= 3
    assert len(named) >= 5
    assert len(rooms) >= 10
    assert [path for path in [*linked, *named, *rooms] if not (ROOT / path).exists()] == []


def test_every_section_that_it_leads_to_is_there() -> None:
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", PROSE, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([\w-]+)\)", PROSE)) <= headings


def test_pictures_are_small() -> None:
    pictures = re.findall(r"!\[.+?\]\((.+?)\)", PROSE)
    assert pictures
    assert max((ROOT / picture).stat().st_size for picture in pictures) < 250_000


async def test_the_game_in_it_can_be_uploaded_and_talks(make: Factory, services: Services, tmp_path: Path) -> None:
    (game,) = (text for language, text in FENCED if language == "html")
    (tmp_path / "index.html").write_text(game)
    mira = await make.user("mira")
    published = await services.catalogue.publish_folder(mira.id, tmp_path, title="", description="")
    assert published.title == "The oracle"
    assert published.talks


@pytest.mark.parametrize("text", [text for language, text in FENCED if language == "python"])
def test_the_python_in_it_is_python(text: str) -> None:
    compile(text, "README.md", "exec")
