"""Commands as people type them: processes of their own, with settings from the environment alone."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.servers import ROOT, measured


@dataclass
class Done:
    """What became of a command."""

    status: int
    out: str
    error: str


async def typed(folder: Path, *arguments: str | Path, stdin: str = "", **settings: str) -> Done:
    """`python main.py ...` in a folder."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "main.py"),
        *map(str, arguments),
        env={"PATH": os.environ["PATH"], **measured(), "LOCAL_MODEL": "off", "OLLAMA_URL": "", **settings},
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await asyncio.wait_for(process.communicate(stdin.encode()), 60)
    assert process.returncode is not None
    assert b"Traceback" not in error, error.decode()
    return Done(process.returncode, out.decode(), error.decode())
