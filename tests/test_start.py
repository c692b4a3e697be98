"""The server starts quickly: what takes long to import and is seldom needed waits until it is."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_start_does_not_wait_for_anthropics_client() -> None:
    code = "import sys, main; from pages import site; from vanilla.api import router; print('anthropic' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False", "its thousands of modules double the time to start"
