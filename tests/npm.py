"""The official JavaScript clients from npm, at pinned versions, for Node and for games of the tests."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

NODE = Path(__file__).parent / "inference" / "node"

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or shutil.which("npm") is None,
    reason="Node and npm are not installed: the JavaScript clients cannot be tried",
)


async def install(folder: Path) -> Path:
    """Copy what runs under Node into a new `folder` and install the clients there; gives it. Skips the test where the
    packages cannot be fetched."""
    shutil.copytree(NODE, folder)
    options = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
    status, output = await run(folder, "npm", "install", *options, patience=240)
    if status != 0:
        pytest.skip(f"the packages of npm could not be fetched: {output[-300:]}")
    return folder


async def bundle(clients: Path, source: Path) -> Path:
    """Make one file for a browser of a module and of all it imports: `built/`, with the module's name in it. `clients`
    is what `install` gave."""
    shutil.copy(source, clients)
    made = clients / "built" / source.name
    options = ("--bundle", "--format=esm", f"--outfile={made}", "--log-level=warning")
    status, output = await run(clients, "node_modules/.bin/esbuild", source.name, *options)
    assert status == 0, output
    return made.parent


async def run(folder: Path, *command: str, patience: float = 60) -> tuple[int, str]:
    """Run it to its end; gives its exit status and output."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=dict(os.environ), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), patience)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return process.returncode, output.decode()
