"""The line of commands: what is typed wrongly is said, help says enough, and a server loads none of it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT
from vanilla.commands import line

COMMANDS = ["serve", "create-admin", "reset-password", "backup", "restore", "doctor", "upload"]


class Serving:
    """In place of what serves: notes what it was given."""

    def __init__(self, status: int = 0) -> None:
        self.given: list[dict[str, object]] = []
        self._status = status

    def __call__(self, **settings: object) -> int:
        self.given.append(settings)
        return self._status


def test_help_names_the_commands_each_in_a_whole_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert line.run(["--help"], Serving()) == 0
    listed = capsys.readouterr().out.partition("Commands:")[2]
    assert re.findall(r"^  ([a-z-]+) ", listed, re.MULTILINE) == COMMANDS
    assert all(each.endswith((".", ").")) and "..." not in each for each in listed.split("\n") if each.strip())


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_and_its_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert line.run([command, "--help"], Serving()) == 0
    said = capsys.readouterr().out
    options = re.split(r"\n(?:Options|Arguments):\n", said)
    assert len(options) > 1
    for option in re.findall(r"^  (?:--[a-z-]+|[a-z]+)(.*(?:\n {8,}.*)*)", "\n".join(options[1:]), re.MULTILINE):
        assert "." in option or "Show this message" in option, said


@pytest.mark.parametrize(
    "arguments", [["unknown"], ["upload"], ["upload", "--unknown", "x"], ["serve", "--port", "x"], ["restore"]]
)
def test_what_is_typed_wrongly_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert line.run(arguments, Serving()) == 2
    said = capsys.readouterr()
    assert (said.out, "Error:" in said.err) == ("", True)


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ([], {}),
        (["--port", "0", "--host", "::1"], {"port": 0, "host": "::1"}),
        (["--port", "99999"], {"port": 99999}),  # which the settings then refuse
    ],
)
def test_serve_gives_on_what_was_typed_and_ends_as_it_does(arguments: list[str], given: dict[str, object]) -> None:
    serving = Serving(status=2)
    assert line.run(["serve", *arguments], serving) == 2
    assert serving.given == [given]


@pytest.mark.parametrize("command", ["backup", "doctor", "create-admin --username x", "restore x", "reset-password"])
def test_a_wrong_setting_is_one_line(command: str, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, ROOT / "main.py", *command.split()],
        cwd=tmp_path,
        env={"PORT": "many"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in run.stderr + run.stdout
    assert run.returncode in (1, 2)
    assert len(run.stderr.splitlines()) <= 4


def test_a_server_does_not_wait_for_the_command_line() -> None:
    code = "import sys, main; print('typer' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
