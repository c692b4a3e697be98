"""Firefox for the browser tests: Debian's own, in a window on a screen of its own (headless it has no WebGL).

Playwright drives a Firefox of its own build only. A stock one speaks Marionette, the protocol beneath geckodriver:
JSON over a local socket, https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0  # seconds that a start or a script may take

# Quiet: nothing is fetched from anywhere, no first-run page, no prompt. The port is one that is free.
PREFERENCES: dict[str, bool | int | str] = {
    "marionette.port": 0,
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "app.update.auto": False,
    "browser.aboutwelcome.enabled": False,
    "browser.cache.disk.enable": False,
    "browser.newtabpage.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.send_pings": True,  # off by default here, and held by the policy all the same
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.update.enabled": False,
    "media.autoplay.default": 0,
    "media.cubeb.force_mock_context": True,  # sound, on a machine that has no device for it
    "media.gmp-manager.updateEnabled": False,
    "media.peerconnection.ice.loopback": True,  # as other hosts would be asked, in a test on one machine
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.localDomains": "games.test",  # as somebody's network names this machine
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "signon.rememberSignons": False,
    "toolkit.telemetry.enabled": False,
    "trailhead.firstrun.didSeeAboutWelcome": True,
    "webgl.force-enabled": True,
}


class NoFirefox(Exception):
    """There is no Firefox on this machine; the message is what to type."""


class Refused(Exception):
    """Firefox did not do what it was told; the message is its own."""


class Firefox:
    """One running Firefox with an empty profile. Commands are answered one at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._number = 0
        self._turn = asyncio.Lock()

    async def begin(self) -> None:
        """Open the session that all other commands need."""
        await self._heard()  # a greeting
        await self.tell("WebDriver:NewSession", unhandledPromptBehavior="accept")
        await self.tell("WebDriver:SetTimeouts", script=PATIENCE * 1000, pageLoad=PATIENCE * 1000)

    async def go(self, url: str) -> None:
        """Load it in the tab, and wait until it has loaded."""
        await self.tell("WebDriver:Navigate", url=url)

    async def run(self, function: str, argument: Any = None, *, frame: str = "") -> Any:
        """Call a JavaScript function in the page, or in the frame that a CSS selector finds in it; gives what it
        resolves to, by way of JSON. Raises Refused: there is no such frame (yet), or the function threw."""
        async with self._turn:
            await self._told("WebDriver:SwitchToFrame", id=None)
            if frame:
                await self._told("WebDriver:SwitchToFrame", element=await self._element(frame))
            script = f"return ({function})(...arguments)"
            answer = await self._told("WebDriver:ExecuteScript", script=script, args=[argument], sandbox=None)
            return answer["value"]

    async def press(self, selector: str) -> None:
        """Click on it as a person does."""
        async with self._turn:
            await self._told("WebDriver:SwitchToFrame", id=None)
            await self._told("WebDriver:ElementClick", id=await self._element(selector))

    async def type(self, selector: str, text: str) -> None:
        """Type into it, key by key."""
        async with self._turn:
            await self._told("WebDriver:SwitchToFrame", id=None)
            await self._told("WebDriver:ElementSendKeys", id=await self._element(selector), text=text)

    async def tell(self, command: str, **values: Any) -> Any:
        """One command of the protocol; gives its answer. Raises Refused."""
        async with self._turn:
            return await self._told(command, **values)

    async def _element(self, selector: str) -> str:
        found = await self._told("WebDriver:FindElement", using="css selector", value=selector)
        element: str = next(iter(found["value"].values()))
        return element

    async def _told(self, command: str, **values: Any) -> Any:
        self._number += 1
        message = json.dumps([0, self._number, command, values]).encode()
        self._writer.write(b"%d:%b" % (len(message), message))
        async with asyncio.timeout(2 * PATIENCE):
            while True:
                _, number, error, answer = await self._heard()
                if number == self._number:
                    break
        if error:
            raise Refused(f"{command}: {error['error']}: {error['message']}")
        return answer

    async def _heard(self) -> Any:
        length = await self._reader.readuntil(b":")
        return json.loads(await self._reader.readexactly(int(length[:-1])))


@asynccontextmanager
async def launched() -> AsyncIterator[Firefox]:
    """A Firefox with a fresh profile, ended at the end. Raises NoFirefox."""
    path = await asyncio.to_thread(firefox)
    async with AsyncExitStack() as stack:
        profile = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
        (profile / "user.js").write_text("".join(lines))
        environment = {**os.environ, "HOME": str(profile), "MOZ_CRASHREPORTER_DISABLE": "1"}
        if sys.platform == "linux":
            environment["DISPLAY"] = await stack.enter_async_context(_screen())
        options = ("--no-remote", "--profile", str(profile), "--marionette")
        process = await stack.enter_async_context(_running(path, *options, environment=environment))
        port = await _port(process, profile / "MarionetteActivePort")
        browser = Firefox(*await asyncio.open_connection("127.0.0.1", port, limit=2**24))
        stack.callback(browser._writer.close)
        await browser.begin()
        yield browser


@cache
def firefox() -> str:
    """The path of the Firefox that .ci/firefox.sh finds (`FIREFOX` in the environment names another). Raises
    NoFirefox."""
    return found_firefox(dict(os.environ))


def found_firefox(environ: dict[str, str]) -> str:
    """As `firefox`, in the environment given."""
    command = ["sh", str(ROOT / ".ci" / "firefox.sh"), "find"]
    script = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if script.returncode != 0 or not script.stdout.strip():
        missing = "There is no Firefox, or no Xvfb, for the long browser tests. Type: sh .ci/firefox.sh"
        raise NoFirefox(f"{script.stderr.strip()} {missing}".strip())
    return script.stdout.strip()


async def _port(process: asyncio.subprocess.Process, file: Path) -> int:
    """Where it listens, once it does: it writes that into a file of its profile."""
    async with asyncio.timeout(PATIENCE):
        while not (file.exists() and file.read_text().strip()):
            if process.returncode is not None:
                raise RuntimeError("Firefox ended while it was starting")
            await asyncio.sleep(0.05)
    return int(file.read_text())


@asynccontextmanager
async def _screen() -> AsyncIterator[str]:
    """A screen that nobody sees, such as `:99`."""
    reading, writing = os.pipe()
    options = ("-displayfd", str(writing), "-screen", "0", "1280x800x24", "-nolisten", "tcp")
    async with _running("Xvfb", *options, pass_fds=(writing,)):
        os.close(writing)
        with os.fdopen(reading) as pipe:
            number = (await asyncio.wait_for(asyncio.to_thread(pipe.readline), PATIENCE)).strip()
        assert number, "Xvfb did not start"
        yield f":{number}"


@asynccontextmanager
async def _running(
    *command: str, environment: dict[str, str] | None = None, pass_fds: tuple[int, ...] = ()
) -> AsyncIterator[asyncio.subprocess.Process]:
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdin=quiet, stdout=quiet, stderr=quiet, pass_fds=pass_fds
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 10)
            except TimeoutError:
                process.kill()
                await process.wait()
