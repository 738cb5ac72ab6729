"""/?display: the page for projectors, without controls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from app.accounts.display_pairing import CODE_SECONDS
from app.accounts.display_tokens import IssuedDisplayToken
from app.audit.audited_change import Initiator
from tests.browser.conftest import OpenPage
from tests.browser.page_actions import (
    LIVE,
    NOT_LIVE,
    console_errors_of,
    expect,
    expect_transport,
    log_in,
    lose_websockets,
    player_just_below_top_ten,
    refuse_streams,
    score_on_board,
)
from tests.support.services import Services
from tests.support.system.harness import SystemHarness

if TYPE_CHECKING:
    from playwright.sync_api import Page

INITIATOR = Initiator("test", "because")
CODE = re.compile(r"^[A-Z]{3}-[A-Z]{3}$")
LIFE_OF_A_CODE_MS = CODE_SECONDS * 1_000
SHORT_LIFE_SECONDS = 10
"""Of a token; a busy machine opens the page in less."""

pytestmark = pytest.mark.slow


@pytest.fixture
def issued(operator: Services) -> Iterator[IssuedDisplayToken]:
    """A display token made by an operator."""
    yield operator.display_tokens.issue(INITIATOR, "hall", 600)


def test_a_display_with_a_token_is_live_and_has_no_controls(
    open_page: OpenPage, running_system: SystemHarness, issued: IssuedDisplayToken
) -> None:
    page = open_page(running_system, f"/?display#{issued.jwt}")
    console_errors = console_errors_of(page)
    expect(page.locator("#connection")).to_have_text(LIVE)
    expect(page.locator("#notice")).to_be_hidden()
    assert visible_controls(page) == 0
    scorer = player_just_below_top_ten(running_system)
    score = scorer.score_point()["newScore"]
    expect(score_on_board(page, scorer)).to_have_text(str(score), timeout=1_000)
    assert console_errors == []


def test_the_token_is_removed_from_the_address_is_never_logged_and_survives_a_reload(
    open_page: OpenPage, running_system: SystemHarness, issued: IssuedDisplayToken
) -> None:
    page = open_page(running_system, f"/?display#{issued.jwt}")
    expect(page.locator("#connection")).to_have_text(LIVE)
    assert page.url == f"{running_system.url}/?display"
    page.reload()
    expect(page.locator("#connection")).to_have_text(LIVE)
    for name in ("web", "broadcaster"):
        assert issued.jwt not in running_system.log(name)


def test_a_display_without_a_token_is_live_by_the_stream_until_its_code_is_typed(
    open_page: OpenPage, running_system: SystemHarness, operator: Services
) -> None:
    page = open_page(running_system, "/?display")
    expect_transport(page, "stream")
    scorer = player_just_below_top_ten(running_system)
    score = scorer.score_point()["newScore"]
    expect(score_on_board(page, scorer)).to_have_text(str(score), timeout=1_000)
    expect(page.locator("#notice")).to_contain_text("Code for the organiser")
    operator.display_pairing.pair(INITIATOR, code_on(page), "hall", 600)
    expect_transport(page, "websocket")
    expect(page.locator("#notice")).to_be_hidden()


def test_a_live_display_shows_its_code_for_ten_minutes_and_then_no_other_one(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = page_with_clock(open_page, running_system)
    page.goto(f"{running_system.url}/?display")
    expect_transport(page, "stream")
    code_on(page)
    page.clock.fast_forward(LIFE_OF_A_CODE_MS - 60_000)
    expect_transport(page, "stream")
    code_on(page)
    page.clock.fast_forward(60_000)
    expect(page.locator("#notice")).to_be_hidden()
    expect_transport(page, "stream")
    expect(page.locator("#notice")).to_be_hidden()


def test_a_display_that_polls_shows_another_code_after_ten_minutes(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = page_with_clock(open_page, running_system)
    refuse_streams(page)
    page.goto(f"{running_system.url}/?display")
    code = code_on(page)
    page.clock.fast_forward(LIFE_OF_A_CODE_MS)
    expect(page.locator("#notice code")).not_to_have_text(code)
    code_on(page)


def test_a_display_whose_token_was_accepted_shows_no_code_while_it_polls(
    open_page: OpenPage, running_system: SystemHarness, issued: IssuedDisplayToken
) -> None:
    page = display_without_streams(open_page, running_system, f"#{issued.jwt}")
    lose_websockets(page)
    expect(page.locator("#connection")).to_have_text(NOT_LIVE)
    expect(page.locator("#notice")).to_be_hidden()


def test_a_display_without_a_stream_shows_a_code_and_accepts_a_token_later(
    open_page: OpenPage, running_system: SystemHarness, issued: IssuedDisplayToken
) -> None:
    page = display_without_streams(open_page, running_system)
    expect(page.locator("#connection")).to_have_text(NOT_LIVE)
    expect(page.locator("#notice")).to_contain_text("give the organiser this code")
    expect(page.locator("#notice code")).to_have_text(CODE)
    assert "flask" not in page.locator("body").inner_text()
    assert visible_controls(page) == 0
    page.goto(f"{running_system.url}/?display#{issued.jwt}")
    expect_transport(page, "websocket")
    expect(page.locator("#notice")).to_be_hidden()


def test_a_display_is_live_after_an_operator_typed_its_code_and_after_a_reload(
    open_page: OpenPage, running_system: SystemHarness, operator: Services
) -> None:
    page = display_without_streams(open_page, running_system)
    code = code_on(page)
    operator.display_pairing.pair(INITIATOR, code.lower().replace("-", " "), "hall", 600)
    expect(page.locator("#connection")).to_have_text(LIVE)
    expect(page.locator("#notice")).to_be_hidden()
    page.reload()
    expect(page.locator("#connection")).to_have_text(LIVE)


def test_an_admin_connects_a_display_by_its_code_on_the_page(
    open_page: OpenPage, running_system: SystemHarness, operator: Services
) -> None:
    display = display_without_streams(open_page, running_system)
    code = code_on(display)
    admin = running_system.register()
    page = open_page(running_system)
    log_in(page, admin)
    expect(page.locator("#own-score")).to_have_text("0")
    expect(page.locator("#pairing")).to_be_hidden()
    operator.moderation.set_role(INITIATOR, admin.user_id, "admin")
    page.reload()
    page.get_by_label("Code on the screen").fill("BBB-BBB")
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#pairing [data-form-error]")).to_contain_text("No screen shows this code")
    page.get_by_label("Code on the screen").fill(code)
    page.get_by_label("Place of the screen").fill("foyer")
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#pairing-result")).to_have_text("The screen “foyer” is live.")
    expect(display.locator("#connection")).to_have_text(LIVE)


def test_a_display_whose_token_is_revoked_shows_a_notice_and_polls_the_board(
    open_page: OpenPage,
    running_system: SystemHarness,
    operator: Services,
    issued: IssuedDisplayToken,
) -> None:
    page = display_without_streams(open_page, running_system, f"#{issued.jwt}")
    expect(page.locator("#connection")).to_have_text(LIVE)
    operator.display_tokens.revoke(INITIATOR, issued.token)
    expect(page.locator("#notice")).to_contain_text("access has ended")
    expect(page.locator("#notice code")).to_have_text(CODE)
    expect(page.locator("#connection")).to_have_text(NOT_LIVE)
    scorer = player_just_below_top_ten(running_system)
    score = scorer.score_point()["newScore"]
    expect(score_on_board(page, scorer)).to_have_text(str(score))


def test_a_display_whose_token_expires_without_a_connection_shows_a_code(
    open_page: OpenPage, running_system: SystemHarness, operator: Services
) -> None:
    short = operator.display_tokens.issue(INITIATOR, "hall", SHORT_LIFE_SECONDS)
    page = display_without_streams(open_page, running_system, f"#{short.jwt}")
    lose_websockets(page)
    expect(page.locator("#connection")).to_have_text(NOT_LIVE)
    expect(page.locator("#notice")).to_contain_text("access has ended", timeout=20_000)
    code_on(page)


def test_a_display_with_an_invalid_token_shows_a_notice(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = display_without_streams(open_page, running_system, "#no-token")
    expect(page.locator("#connection")).to_have_text(NOT_LIVE)
    expect(page.locator("#notice")).to_contain_text("give the organiser this code")


def display_without_streams(open_page: OpenPage, system: SystemHarness, fragment: str = "") -> Page:
    """A display behind a proxy that lets no event stream through."""
    page = open_page(system, "/health")
    refuse_streams(page)
    page.goto(f"{system.url}/?display{fragment}")
    return page


def page_with_clock(open_page: OpenPage, system: SystemHarness) -> Page:
    """A page without a display yet, whose next pages have a clock that the test moves."""
    page = open_page(system, "/health")
    page.clock.install()
    return page


def code_on(page: Page) -> str:
    """The code that the display shows, as soon as it shows one."""
    expect(page.locator("#notice code")).to_have_text(CODE)
    return page.locator("#notice code").inner_text()


def visible_controls(page: Page) -> int:
    return page.locator("button:visible, input:visible, a:visible").count()
