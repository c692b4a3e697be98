"""Every page in every state can be used by everybody: axe-core finds nothing serious, our own checks nothing at all."""

from importlib.resources import files
from typing import Any

import pytest
from playwright.async_api import Error, Page

from tests.e2e import house
from tests.e2e.browser import launched
from tests.e2e.scenes import SCENES, Scene, arrive

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
NAMED = "--enable-blink-features=ComputedAccessibilityInfo"  # gives elements their computedName
QUICK = ("login", "games", "account", "admin-users-edit")
MOST_STOPS = 150  # of the Tab key


@pytest.mark.parametrize(("width", "theme"), [(360, "dark"), (1440, "light")])
async def test_the_pages_that_everybody_sees_can_be_used_by_everybody(fresh: None, width: int, theme: str) -> None:
    await _check([scene for scene in SCENES if scene.name in QUICK], width, theme)


@pytest.mark.parametrize(("width", "theme"), [(360, "light"), (1440, "dark")])
async def test_every_page_can_be_used_by_everybody(fresh: None, width: int, theme: str) -> None:
    await _check([scene for scene in SCENES if not scene.in_empty_house], width, theme)


@pytest.mark.parametrize(("width", "theme"), [(360, "dark"), (1440, "light")])
async def test_pages_with_nothing_in_them_can_be_used_too(fresh: None, width: int, theme: str) -> None:
    await _check([scene for scene in SCENES if scene.in_empty_house], width, theme)


async def test_what_is_wrong_is_found(fresh: None) -> None:
    """The checks, on a page that has every fault."""
    async with launched(NAMED) as browser:
        page = await browser.new_page()
        await page.set_content(_BAD)
        found = "\n".join([*await _faults(page), *await _stops(page)])
    for fault in (
        "image-alt",
        "color-contrast",
        "target-size",
        "2 h1",
        "h3 after h1",
        "no main",
        "nameless",
        "no ring",
    ):
        assert fault in found, found


async def _check(scenes: list[Scene], width: int, theme: str) -> None:
    faults: list[str] = []
    is_empty = scenes[0].in_empty_house
    async with house.empty() if is_empty else house.lived_in() as home, launched(NAMED) as browser:
        for scene in scenes:
            async with house.visiting(browser, home, scene.who, width=width, theme=theme) as context:
                page = await context.new_page()
                try:
                    await arrive(page, scene, home)
                    found = [*await _faults(page), *await _stops(page)]
                except (AssertionError, Error) as error:
                    found = [f"could not be looked at: {error}"]
                faults += [f"{scene.name} at {width}, {theme}: {fault}" for fault in found]
    assert not faults, "\n".join(faults)


async def _faults(page: Page) -> list[str]:
    """What axe finds to be serious or critical, and what our own rules find."""
    await page.evaluate(AXE)
    violations: list[dict[str, Any]] = await page.evaluate(_RUN)
    found = [f"{each['id']}: {node}" for each in violations for node in each["nodes"]]
    own: list[str] = await page.evaluate(_OWN_RULES)
    return [*found, *own]


async def _stops(page: Page) -> list[str]:
    """Go through the page with the Tab key: everything that takes the focus shows it, and the way has an end."""
    await page.evaluate("() => { window.stops = new Set(); document.activeElement?.blur(); }")
    faults: set[str] = set()
    for _ in range(MOST_STOPS):
        await page.keyboard.press("Tab")
        stop: dict[str, Any] | None = await page.evaluate(_STOP)
        if stop is None:
            break
        if not stop["is_shown"]:
            faults.add(f"no ring around {stop['what']}")
    return sorted(faults)


_RUN = """async () => {
  const options = { resultTypes: ["violations"], iframes: false, rules: { "target-size": { enabled: true } } };
  const { violations } = await axe.run(document, options);
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) => (
    { id, nodes: nodes.map(({ html, any }) => `${html.slice(0, 160)} ${(any[0]?.message ?? "").slice(0, 160)}`) }));
}"""

_OWN_RULES = """() => {
  const faults = [];
  const shown = (element) => element.checkVisibility({ visibilityProperty: true });
  const dialog = [...document.querySelectorAll("dialog[open], [role=dialog][aria-modal=true]")].find(shown);
  const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter(
    (each) => shown(each) && !each.closest("dialog, [role=dialog]"));
  const first = headings.filter((each) => each.tagName === "H1").length;
  if (first !== 1) faults.push(`${first} h1`);
  headings.reduce((before, each) => {
    const level = Number(each.tagName[1]);
    if (level > before + 1) faults.push(`h${level} after h${before}: ${each.textContent}`);
    return level;
  }, 0);
  const mains = document.querySelectorAll("main").length;
  if (mains !== 1) faults.push(mains ? `${mains} main` : "no main");
  if (document.querySelector(".page") && !document.querySelector("header nav")) faults.push("no header");
  const controls = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0'],"
    + "[role=dialog]";
  for (const each of (dialog ?? document).querySelectorAll(controls)) {
    if (shown(each) && !each.computedName?.trim()) faults.push(`nameless: ${each.outerHTML.slice(0, 160)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`${document.documentElement.scrollWidth} px wide`);
  return faults;
}"""

# Null once the focus has left the page or come round. The ring may be drawn around the card that a link fills.
_STOP = """() => {
  const element = document.activeElement;
  if (!element || element === document.body || element.tagName === "IFRAME" || stops.has(element)) return null;
  stops.add(element);
  const ringed = (each) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(each);
    return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  };
  let around = element;
  for (let up = 0; up < 4 && around && !ringed(around); up += 1) around = around.parentElement;
  return { is_shown: Boolean(around && ringed(around)), what: element.outerHTML.slice(0, 160) };
}"""

_BAD = """<!doctype html><html lang="en"><title>Bad</title><style>button:focus { outline: none }</style>
<h1>One</h1><h1>Two</h1><h3>Three</h3><img src="data:,"><p style="color: #999; background: #aaa">Faint</p>
<button style="width: 10px; height: 10px; padding: 0"></button>
<button style="width: 10px; height: 10px; padding: 0">b</button>"""
