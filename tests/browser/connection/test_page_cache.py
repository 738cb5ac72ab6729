"""The live page in Chromium's back/forward cache, from which the back button returns it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.page_actions import (
    expect,
    expect_transport,
    log_in,
    player_just_below_top_ten,
    score_on_board,
)
from tests.support.system.harness import SystemHarness

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LIVE_MS = 5_000
# Chromium removes a page with an open request from the cache after this time, by default 60 s.
SHORT_GRACE = (
    "--enable-features=LoadingTasksUnfreezable:grace_period_to_finish_loading_in_seconds/1"
)
AWAY_MS = 3_000
RECORD_RETURN = "addEventListener('pageshow', (event) => (window.wasCached = event.persisted))"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def caching_browser(browser: Browser) -> Iterator[Browser]:
    """Chromium with its back/forward cache, which Playwright turns off."""
    caching = browser.browser_type.launch(
        executable_path=CHROMIUM,
        args=[*ARGUMENTS, SHORT_GRACE],
        ignore_default_args=["--disable-back-forward-cache"],
    )
    yield caching
    caching.close()


@pytest.fixture
def page(caching_browser: Browser) -> Iterator[Page]:
    context = caching_browser.new_context()
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("transport", ["websocket", "stream"])
def test_a_page_that_the_back_button_returns_from_the_cache_is_live_within_five_seconds(
    page: Page, running_system: SystemHarness, transport: str
) -> None:
    scorer = player_just_below_top_ten(running_system)
    page.goto(running_system.url)
    if transport == "websocket":
        log_in(page, running_system.register())
    expect_transport(page, transport)
    page.evaluate(RECORD_RETURN)
    page.goto(f"{running_system.url}/health")
    page.wait_for_timeout(AWAY_MS)
    missed = scorer.score_point()["newScore"]
    # A page from the cache has been loaded already, so it fires no `load`.
    page.go_back(wait_until="commit")
    expect(score_on_board(page, scorer)).to_have_text(str(missed), timeout=LIVE_MS)
    expect_transport(page, transport, LIVE_MS)
    assert page.evaluate("window.wasCached") is True
    score = scorer.score_point()["newScore"]
    expect(score_on_board(page, scorer)).to_have_text(str(score))
