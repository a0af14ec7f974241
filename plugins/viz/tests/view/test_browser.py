"""The report in headless Chromium: nothing is said on the console, nothing asked for, nothing wider than a phone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

WIDEST = """() => [...document.querySelectorAll('body *')]
  .filter(each => !each.closest('.scroll, pre, svg') && each.getBoundingClientRect().right > innerWidth + 0.5)
  .map(each => each.outerHTML.slice(0, 120))"""

CONTRAST = """() => {
  const light = text => {
    const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = light(getComputedStyle(document.body).backgroundColor);
  return [...document.querySelectorAll('p, dt, dd, th, td, a, h1, h2, h3, figcaption, summary, li, caption')]
    .map(each => light(getComputedStyle(each).color))
    .reduce((least, ink) => Math.min(least, (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)), 21);
}"""


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def page(finished: Path, tmp_path_factory: pytest.TempPathFactory, kit: Any) -> Path:
    out = tmp_path_factory.mktemp("browser") / "report.html"
    assert kit.cli("report", finished, "-o", out, "--workers", "1").exit_code == 0
    return out


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_it_opens_from_disk_in_silence_and_fits(browser: Any, page: Path, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(page.as_uri(), wait_until="load")
    tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert said == []
    assert [address for address in asked if not address.startswith("data:")] == [page.as_uri()]
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(WIDEST) == []
    assert tab.evaluate("[...document.images].every(each => each.complete && each.naturalWidth > 0)")
    paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(paper[4:].split(",")[0]) < 128) == (scheme == "dark")
    assert tab.evaluate(CONTRAST) >= 4.5
    assert len(tab.screenshot(full_page=True)) > 20_000
    context.close()
