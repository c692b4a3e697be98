"""The line of commands: what is typed wrongly is said, and a server loads none of it."""

import subprocess
import sys

import pytest

from tests.servers import ROOT
from vanilla.commands import line


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert line.run(["--help"]) == 0
    assert "upload" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["unknown"], ["upload"], ["upload", "--unknown", "x"]])
def test_what_is_typed_wrongly_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert line.run(arguments) == 2
    said = capsys.readouterr()
    assert (said.out, "Error:" in said.err) == ("", True)


def test_a_server_does_not_wait_for_the_command_line() -> None:
    code = "import sys, main; print('typer' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
