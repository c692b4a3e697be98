"""The browser that the other tests here stand on: it is found, it starts, and its absence says what to type."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.e2e.browser import NoChromium, found_chromium, launched
from tests.e2e.firefox import NoFirefox, Refused, found_firefox
from tests.e2e.visitors import visiting

pytestmark = pytest.mark.e2e


async def test_a_page_is_drawn_and_scripted() -> None:
    async with launched() as browser:
        page = await browser.new_page()
        await page.set_content("<h1>Games</h1><script>document.title = 40 + 2</script>")
        assert await page.title() == "42"
        assert await page.inner_text("h1") == "Games"


async def test_two_contexts_share_no_cookies() -> None:
    async with launched() as browser:
        first, second = await browser.new_context(), await browser.new_context()
        await first.add_cookies([{"name": "session", "value": "hers", "url": "http://localhost"}])
        assert len(await first.cookies()) == 1
        assert await second.cookies() == []


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac keeps Chrome at a fixed place that no PATH hides")
def test_a_machine_without_chromium_is_told_what_to_type(tmp_path: Path) -> None:
    (tmp_path / "sh").symlink_to("/bin/sh")
    with pytest.raises(NoChromium, match=r"type: sh \.ci/chromium\.sh"):
        found_chromium({"PATH": str(tmp_path), "HOME": str(tmp_path)})


def test_a_chromium_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoChromium, match="/nowhere/chromium cannot be run"):
        found_chromium({"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "CHROMIUM": "/nowhere/chromium"})


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac keeps Firefox at a fixed place that no PATH hides")
def test_a_machine_without_firefox_is_told_what_to_type(tmp_path: Path) -> None:
    for command in ("sh", "uname"):
        (tmp_path / command).symlink_to(shutil.which(command) or "")
    with pytest.raises(NoFirefox, match=r"Type: sh \.ci/firefox\.sh"):
        found_firefox({"PATH": str(tmp_path), "HOME": str(tmp_path)})


@pytest.mark.slow
async def test_firefox_runs_scripts_and_says_what_it_cannot_do() -> None:
    async with visiting("firefox") as first, visiting("firefox") as second:
        for visitor in (first, second):
            await visitor.go("about:blank")
        assert await first.on_page("(n) => Promise.resolve({ sum: n + 2 })", 40) == {"sum": 42}
        assert await second.windows() == 1
        with pytest.raises(Refused, match="no such element"):
            await first.in_game("() => 1")
