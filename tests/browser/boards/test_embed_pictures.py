"""The pictures of docs/embedding.md."""

from __future__ import annotations

import os

import pytest

from tests.browser.boards.framing_site import FramingSite
from tests.browser.boards.sample_boards import QUIZ, report
from tests.browser.conftest import OpenPage
from tests.browser.page_actions import expect
from tests.support.servers import ROOT
from tests.support.services import services_in
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("SCREENSHOT" not in os.environ, reason="only for `make screenshot`"),
]

IMAGES = ROOT / "docs" / "images"
NAMES = ("Ada", "Grace", "Edsger", "Barbara", "Donald")
ARTICLE = """() => document.body.insertAdjacentHTML("afterbegin",
    "<h1>Club news</h1><p>The quiz night goes on, and anybody can still win.</p>")"""
FRAME = "frame => Object.assign(frame, { width: '100%', height: 330, style: 'border: 0' })"
PICTURE = "fixed linear-gradient(160deg, #16324f 30%, #2a628f 30% 60%, #d9a441 60%)"


def test_screenshots_for_the_guide(
    open_page: OpenPage, evening: tuple[SystemHarness, list[Player]], site: FramingSite
) -> None:
    system, _ = evening
    with services_in(system.environment()) as services:
        for number, name in enumerate(NAMES):
            report(services, system.register(name), 940 - number * number * 30)
    parameters = "period=week&rows=5"
    page = open_page(system, "/health", viewport={"width": 720, "height": 520})
    site.framed = f"{system.url}/embed/{QUIZ.key}?{parameters}"
    page.goto(site.origin)
    page.evaluate(ARTICLE)
    page.locator("iframe").evaluate(FRAME)
    expect(page.frame_locator("iframe").locator("#board-rows tr")).to_have_count(len(NAMES))
    page.screenshot(path=IMAGES / "embed.png")
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{system.url}/?overlay&board={QUIZ.key}&{parameters}")
    expect(page.locator("#board-rows tr")).to_have_count(len(NAMES))
    page.locator("html").evaluate("(page, picture) => page.style.background = picture", PICTURE)
    page.screenshot(path=IMAGES / "overlay.png")
