"""`.env.example` names every setting, at its default, and works as it stands once its lines are let in."""

import re
from pathlib import Path

from pydantic import SecretStr

from vanilla.settings import Settings

EXAMPLE = Path(__file__).parents[1] / ".env.example"


def example_lines() -> dict[str, str]:
    """Names and values of the lines that a host may let in by removing the `#`."""
    return dict(re.findall(r"^#([A-Z_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))


def test_the_example_names_every_setting_and_no_other() -> None:
    assert set(example_lines()) == {name.upper() for name in Settings.model_fields}


def test_the_example_shows_the_defaults(tmp_path: Path) -> None:
    let_in = tmp_path / ".env"
    let_in.write_text("\n".join(f"{name}={value}" for name, value in example_lines().items()))
    settings = Settings(_env_file=let_in)
    for name, field in Settings.model_fields.items():
        if name.upper() in settings_from_process():
            continue
        assert plain(getattr(settings, name)) == plain(field.default), name


def settings_from_process() -> set[str]:
    """Names that the environment of this very run sets, and so hides from the file."""
    return {name.upper() for name in Settings(_env_file=None).model_fields_set}


def plain(value: object) -> object:
    """A secret as its text, so that two can be compared."""
    return value.get_secret_value() if isinstance(value, SecretStr) else value
