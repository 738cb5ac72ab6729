"""The page in old browsers, without site data, and where a feature that it needs is missing."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import pytest

from app.accounts.display_tokens import IssuedDisplayToken
from app.audit.audited_change import Initiator
from tests.browser.compatibility.old_browsers import (
    BROWSER_DATA,
    OLDEST_BROWSERS,
    STORAGE_FAULTS,
    features_missing_in,
    remove,
)
from tests.browser.conftest import OpenPage
from tests.browser.page_actions import (
    LIVE,
    NOT_LIVE,
    console_errors_of,
    expect,
    expect_transport,
    log_in,
    player_just_below_top_ten,
    refuse_streams,
    score_a_point,
    score_on_board,
    show_chart,
    submit_login,
)
from tests.support.services import Services
from tests.support.system.harness import SystemHarness

if TYPE_CHECKING:
    from playwright.sync_api import Route

FAILURE = re.compile("Load it again. If that does not help, use Chrome or Edge 94, ")
LATER = [
    "Array.prototype.toSorted",
    "Array.prototype.toReversed",
    "Array.prototype.toSpliced",
    "Array.prototype.with",
    "Array.prototype.findLast",
    "AbortSignal.timeout",
    "AbortSignal.any",
    "Object.groupBy",
    "Promise.withResolvers",
    "structuredClone",
    "BroadcastChannel",
    "Intl.Segmenter",
    "Navigator.prototype.locks",
    "Crypto.prototype.randomUUID",
    "Crypto.prototype.subtle",
]
"""Features of later browsers, or of secure contexts, which a page without TLS is not."""
NO_SCRIPTS = (
    ("main.js", None),
    ("main.js", "class New { #x = 1; static { new syntax }; }"),
    ("client/watch/polling.js", "a ???= 1"),
    ("common/format.js", "throw new Error('broken')"),
    ("common/countdown.js", None),
)
"""A file that is not loaded (None) or has other content."""

pytestmark = pytest.mark.slow


@pytest.mark.skipif(not BROWSER_DATA.exists(), reason="needs what `make lint-js` installs")
@pytest.mark.parametrize("oldest", OLDEST_BROWSERS)
def test_the_page_works_without_what_the_oldest_supported_browsers_lack(
    open_page: OpenPage, running_system: SystemHarness, oldest: str
) -> None:
    missing = features_missing_in(oldest)
    assert len(missing) > 500
    play_without(missing, open_page, running_system)


def test_the_page_works_without_features_of_later_browsers_and_of_secure_contexts(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    play_without(LATER, open_page, running_system)


@pytest.mark.parametrize("fault", STORAGE_FAULTS)
def test_the_page_works_where_the_browser_stores_nothing(
    open_page: OpenPage, running_system: SystemHarness, fault: str
) -> None:
    page = open_page(running_system, init_script=STORAGE_FAULTS[fault])
    console_errors = console_errors_of(page)
    expect(page.locator("#connection")).to_have_text(LIVE)
    log_in(page, running_system.register())
    score_a_point(page)
    expect(page.locator("#own-score")).to_have_text("1")
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#log-in-form")).to_be_visible()
    assert console_errors == []


def test_a_session_is_renewed_where_site_data_is_blocked(
    open_page: OpenPage, short_limits_system: SystemHarness
) -> None:
    page = open_page(short_limits_system, init_script=STORAGE_FAULTS["blocked"])
    log_in(page, short_limits_system.register())
    for _ in range(2):
        with page.expect_response("**/api/auth/refresh", timeout=20_000) as renewal:
            pass
        assert renewal.value.ok
    expect(page.locator("#connection")).to_have_text(LIVE)
    expect(page.locator("#page-failure")).to_be_hidden()


@pytest.mark.parametrize("fault", STORAGE_FAULTS)
def test_a_display_works_where_the_browser_stores_nothing(
    open_page: OpenPage, running_system: SystemHarness, operator: Services, fault: str
) -> None:
    issued = issue_display_token(operator)
    page = open_page(running_system, f"/?display#{issued.jwt}", init_script=STORAGE_FAULTS[fault])
    expect(page.locator("#connection")).to_have_text(LIVE)


def test_stored_values_that_the_page_did_not_write_are_ignored(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system)
    for value in ("{", "null", "7", "[]", "{}", '"text"'):
        player = running_system.register()
        page.evaluate(
            """([value, userId]) => {
                sessionStorage.setItem("session", value);
                for (const kind of ["token", "increment"])
                    localStorage.setItem(`attempts:${userId}:${kind}`, value);
            }""",
            [value, player.user_id],
        )
        page.reload()
        log_in(page, player)
        score_a_point(page)
        expect(page.locator("#page-failure"), value).to_be_hidden()
        page.get_by_role("button", name="Log out").click()
        expect(page.locator("#log-in-form")).to_be_visible()


def test_a_browser_without_websockets_uses_the_stream_or_polls(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system, init_script=remove(["WebSocket"]))
    submit_login(page, running_system.register())
    expect(page.locator("#player")).to_be_visible()
    expect_transport(page, "stream")
    score_a_point(page)
    refuse_streams(page)
    page.reload()
    expect(page.locator("#connection")).to_have_text(NOT_LIVE)


@pytest.mark.parametrize(
    "feature", ["ResizeObserver", "fetch", "AbortController", "Array.prototype.at"]
)
def test_without_a_feature_that_it_needs_the_page_names_the_supported_browsers(
    open_page: OpenPage, running_system: SystemHarness, feature: str
) -> None:
    running_system.register().score_point()
    page = open_page(running_system, init_script=remove([feature]))
    expect(page.locator("#page-failure")).to_have_text(FAILURE)


def test_a_page_whose_scripts_can_not_run_names_the_supported_browsers(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system)
    for file, content in NO_SCRIPTS:
        expect(page.locator("#connection")).to_have_text(LIVE)
        expect(page.locator("#page-failure"), file).to_be_hidden()

        page.route(f"**/{file}", partial(replace_by, content))
        page.reload()
        expect(page.locator("#page-failure"), file).to_have_text(FAILURE)
        page.unroute(f"**/{file}")
        page.reload()


def test_a_browser_without_modules_shows_the_board_and_names_the_supported_browsers(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    running_system.register().score_point()
    page = open_page(running_system)

    def without_modules(route: Route) -> None:
        reply = route.fetch()
        route.fulfill(response=reply, body=reply.text().replace('type="module"', 'type="new"'))

    page.route(f"{running_system.url}/", without_modules)
    page.reload()
    expect(page.locator("#page-failure")).to_have_text(FAILURE)
    expect(page.locator("#board-rows tr").first).to_be_visible()


def test_a_chart_that_can_not_be_loaded_leaves_the_board_alone_and_is_loaded_later(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    running_system.register().score_point()
    page = open_page(running_system)
    page.route("**/uPlot.esm.js*", lambda route: route.abort())
    page.reload()
    page.locator("#chart-title").scroll_into_view_if_needed()
    expect(page.locator("#chart-empty")).to_have_text("The chart could not be loaded.")
    expect(page.locator("#board-rows tr").first).to_be_visible()
    expect(page.locator("#page-failure")).to_be_hidden()
    page.unroute("**/uPlot.esm.js*")
    expect(page.locator("#chart canvas")).to_be_visible(timeout=40_000)


def replace_by(content: str | None, route: Route) -> None:
    if content is None:
        route.abort()
    else:
        route.fulfill(body=content, content_type="text/javascript")


def play_without(missing: list[str], open_page: OpenPage, system: SystemHarness) -> None:
    """A player logs in, scores and reloads the page of a browser without these features."""
    system.register().score_point()
    scorer = player_just_below_top_ten(system)
    page = open_page(system, init_script=remove(missing))
    console_errors = console_errors_of(page)
    log_in(page, scorer)
    points = int(page.locator("#own-score").inner_text())
    score_a_point(page)
    expect(score_on_board(page, scorer)).to_have_text(str(points + 1))
    expect(page.locator("#chart")).to_have_attribute("aria-label", re.compile(scorer.username))
    expect(page.locator("#around-rows .own")).to_be_visible()
    page.reload()
    expect(page.locator("#connection")).to_have_text(LIVE)
    show_chart(page)
    expect(page.locator("#page-failure")).to_be_hidden()
    assert console_errors == []


def issue_display_token(operator: Services) -> IssuedDisplayToken:
    return operator.display_tokens.issue(Initiator("test", "because"), "hall", 600)
