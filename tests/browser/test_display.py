"""/?display: a projector's screen, which shows and is not played at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from app.composition import Services
from app.services.displays import Issued
from app.services.moderation import Act
from tests.browser.conftest import OpenPage
from tests.browser.visitor import (
    LIVE,
    NOT_LIVE,
    complaints_of,
    expect,
    player_next_to_the_top_ten,
    score_on_board,
)
from tests.system.running import RunningSystem

if TYPE_CHECKING:
    from playwright.sync_api import Page

ACT = Act("test", "because")
COMMAND = "flask tokens display --days 30"

pytestmark = pytest.mark.slow


@pytest.fixture
def issued(operator: Services) -> Iterator[Issued]:
    """A display token, as an operator makes it."""
    yield operator.displays.issue(ACT, "hall", 600)


def test_a_screen_with_a_display_token_is_live_and_has_nothing_to_press(
    open_page: OpenPage, running_system: RunningSystem, issued: Issued
) -> None:
    page = open_page(running_system, f"/?display#{issued.jwt}")
    complaints = complaints_of(page)
    expect(page.locator("#connection")).to_have_text(LIVE)
    expect(page.locator("#notice")).to_be_hidden()
    assert visible_controls(page) == 0
    scorer = player_next_to_the_top_ten(running_system)
    score = scorer.score_point()["newScore"]
    expect(score_on_board(page, scorer)).to_have_text(str(score), timeout=1_000)
    assert complaints == []


def test_the_token_is_in_no_address_and_no_log_and_outlives_a_reload(
    open_page: OpenPage, running_system: RunningSystem, issued: Issued
) -> None:
    page = open_page(running_system, f"/?display#{issued.jwt}")
    expect(page.locator("#connection")).to_have_text(LIVE)
    assert page.url == f"{running_system.url}/?display"
    page.reload()
    expect(page.locator("#connection")).to_have_text(LIVE)
    for name in ("web", "broadcaster"):
        assert issued.jwt not in running_system.log(name)


def test_a_screen_without_a_token_says_what_to_do_and_takes_one_that_is_given_later(
    open_page: OpenPage, running_system: RunningSystem, issued: Issued
) -> None:
    page = open_page(running_system, "/?display")
    expect(page.locator("#connection")).to_have_text(NOT_LIVE)
    expect(page.locator("#notice")).to_contain_text("no display token")
    expect(page.locator("#notice code")).to_have_text(COMMAND)
    assert visible_controls(page) == 0
    page.goto(f"{running_system.url}/?display#{issued.jwt}")
    expect(page.locator("#connection")).to_have_text(LIVE)
    expect(page.locator("#notice")).to_be_hidden()


def test_a_screen_whose_token_is_revoked_says_so_and_goes_on_showing_the_board(
    open_page: OpenPage, running_system: RunningSystem, operator: Services, issued: Issued
) -> None:
    page = open_page(running_system, f"/?display#{issued.jwt}")
    expect(page.locator("#connection")).to_have_text(LIVE)
    operator.displays.revoke(ACT, issued.token)
    expect(page.locator("#notice")).to_contain_text("has expired or was revoked")
    expect(page.locator("#notice code")).to_have_text(COMMAND)
    expect(page.locator("#connection")).to_have_text(NOT_LIVE)
    scorer = player_next_to_the_top_ten(running_system)
    score = scorer.score_point()["newScore"]
    expect(score_on_board(page, scorer)).to_have_text(str(score))


def test_a_screen_whose_token_was_never_good_says_so(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    page = open_page(running_system, "/?display#no-token")
    expect(page.locator("#connection")).to_have_text(re.compile(r"^reconnecting in \d+ s$"))
    expect(page.locator("#notice")).to_contain_text("has expired or was revoked")


def visible_controls(page: Page) -> int:
    return page.locator("button:visible, input:visible, a:visible").count()
