"""What a player sees of limits, flags and bans."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from app.audit.audited_change import Initiator
from app.contract.limits import AUTOMATIC_BAN
from tests.browser.conftest import OpenPage
from tests.browser.page_actions import (
    LIVE,
    PHONE,
    expect,
    log_in,
    player_just_below_top_ten,
    row_of,
    score_a_point,
    submit_login,
)
from tests.support.services import Services
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD, Player

if TYPE_CHECKING:
    from playwright.sync_api import Page

BANNED = re.compile(r"^This account has been banned since .+ until further notice\. If .+")
BANNED_UNTIL = re.compile(r"The ban ends on 4 Mar 2045, 13:30\.")
HALVED_UNTIL = re.compile(r"your limits are halved until .+\d+:\d\d")
READY_IN = re.compile(r"^Ready in \d+ s$")
PATHS = ("/api/actions/token", "/api/scores/increment")
# Presses the button on each animation frame, faster than any user.
FAST_CLICKS = """seconds => new Promise((done) => {
    const button = document.getElementById("score");
    const end = performance.now() + seconds * 1000;
    const press = () => {
        button.click();
        if (performance.now() < end) requestAnimationFrame(press);
        else done();
    };
    press();
})"""

pytestmark = pytest.mark.slow


def test_fast_clicks_use_up_the_limit_without_breaking_the_fraud_rule(
    open_page: OpenPage, default_limits_system: SystemHarness
) -> None:
    player = default_limits_system.register()
    page = open_page(default_limits_system)
    log_in(page, player)
    attempts = attempts_of(page)
    page.evaluate(FAST_CLICKS, 3)
    # On a busy machine five points take longer.
    deadline = time.monotonic() + 20
    while points_of(player) < 5 and time.monotonic() < deadline:
        page.evaluate(FAST_CLICKS, 1)
    expect(page.locator("#rate-limit")).to_have_text("0 of 5 left for now")
    expect(page.locator("#score")).to_have_text(READY_IN)
    expect(page.locator("#score")).to_be_disabled()
    assert points_of(player) == 5
    # After a reload the page does not know the limit, but it still knows the attempts.
    for _ in range(3):
        page.reload()
        expect(page.locator("#own-score")).to_have_text("5")
        page.evaluate(FAST_CLICKS, 1)
    assert max(len(times) for times in attempts.values()) < 8
    assert status_of(player) == "active"


def test_fast_clicks_stay_below_a_fraud_rule_that_is_stricter_than_the_limits(
    open_page: OpenPage, short_limits_system: SystemHarness
) -> None:
    player = short_limits_system.register()
    page = open_page(short_limits_system)
    log_in(page, player)
    attempts = attempts_of(page)
    page.evaluate(FAST_CLICKS, 2)
    page.reload()
    page.evaluate(FAST_CLICKS, 4)
    # On a busy machine animation frames are slow, and so are the clicks.
    deadline = time.monotonic() + 20
    while min(len(attempts[path]) for path in PATHS) <= 3 and time.monotonic() < deadline:
        page.evaluate(FAST_CLICKS, 1)
    for path in PATHS:
        assert len(attempts[path]) > 3
        assert most_within(attempts[path], seconds=3) == 3
    assert status_of(logged_in_again(player)) == "active"


def test_a_refused_point_shows_the_seconds_to_wait(
    open_page: OpenPage, default_limits_system: SystemHarness
) -> None:
    player = default_limits_system.register()
    page = open_page(default_limits_system)
    log_in(page, player)
    for _ in range(5):
        player.score_point()
    page.locator("#score").click()
    expect(page.locator("#outcome")).to_have_text("You have reached the limit.")
    expect(page.locator("#score")).to_have_text(READY_IN)
    assert points_of(player) == 5


def test_a_flagged_player_sees_a_warning_at_once_and_after_a_reload(
    open_page: OpenPage, default_limits_system: SystemHarness
) -> None:
    player = default_limits_system.register()
    page = open_page(default_limits_system)
    log_in(page, player)
    expect(page.locator("#warning")).to_be_hidden()
    for _ in range(9):
        player.call("POST", "/actions/token")
    assert status_of(player) == "flagged"
    page.locator("#score").click()
    expect(page.locator("#warning")).to_have_text(HALVED_UNTIL)
    page.reload()
    expect(page.locator("#warning")).to_have_text(HALVED_UNTIL)


def test_a_ban_is_shown_to_the_player_and_to_all_viewers_within_a_second(
    open_page: OpenPage, running_system: SystemHarness, operator: Services
) -> None:
    player = player_just_below_top_ten(running_system)
    banned, viewer = open_page(running_system), open_page(running_system)
    log_in(banned, player)
    log_in(viewer, running_system.register())
    score_a_point(banned)
    expect(row_of(viewer, player)).to_be_visible()
    latest_names = viewer.locator("#latest-scores .name")
    expect(latest_names.first).to_have_text(player.username)
    operator.moderation.ban(Initiator("test", "because"), player.user_id)
    expect(banned.locator("#notice")).to_have_text(BANNED, timeout=1_000)
    expect(row_of(viewer, player)).to_have_count(0, timeout=1_000)
    assert player.username not in latest_names.all_inner_texts()
    expect(banned.locator("#connection")).to_have_text(LIVE)
    form = banned.locator("#log-in-form")
    form.get_by_label("Username").fill(player.username)
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button").click()
    expect(form.locator("[data-form-error]")).to_have_text(BANNED)
    # On a phone it would cover the form.
    expect(banned.locator("#notice")).to_be_hidden()


def test_a_player_reads_when_a_ban_ends_and_again_at_the_next_login(
    open_page: OpenPage, running_system: SystemHarness, operator: Services
) -> None:
    player = running_system.register()
    page = open_page(running_system, timezone_id="Europe/Berlin")
    log_in(page, player)
    until = datetime(2045, 3, 4, 12, 30, tzinfo=UTC)
    operator.moderation.ban(Initiator("test", "because"), player.user_id, until=until)
    expect(page.locator("#notice")).to_have_text(BANNED_UNTIL)
    submit_login(page, player)
    expect(page.locator("#log-in-form [data-form-error]")).to_have_text(BANNED_UNTIL)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("One account for each player", "One account for each player"),
        (AUTOMATIC_BAN, "automatic check"),
    ],
)
def test_a_player_reads_the_reason_of_a_ban_on_a_phone(
    open_page: OpenPage, running_system: SystemHarness, operator: Services, given: str, shown: str
) -> None:
    player_just_below_top_ten(running_system).score_point()
    player = player_just_below_top_ten(running_system)
    page = open_page(running_system, viewport=PHONE)
    log_in(page, player)
    score_a_point(page)
    expect(page.locator("#around")).to_be_visible()
    operator.moderation.ban(Initiator("test", "because"), player.user_id, None, given)
    notice = page.locator("#notice")
    expect(notice).to_contain_text(f"Reason: {shown}.")
    box = notice.bounding_box()
    assert box is not None
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= PHONE["height"]
    expect(page.locator("#around")).to_be_hidden()
    submit_login(page, player)
    expect(page.locator("#log-in-form [data-form-error]")).to_contain_text(f"Reason: {shown}.")


def attempts_of(page: Page) -> dict[str, list[float]]:
    """The times of the page's requests that the fraud rule counts, by path, from now on.

    In seconds by the browser's clock, because this process may get the events late.
    """
    attempts: dict[str, list[float]] = {path: [] for path in PATHS}

    def record(event: dict[str, Any]) -> None:
        path = urlsplit(event["request"]["url"]).path
        if path in attempts:
            attempts[path].append(event["timestamp"])

    devtools = page.context.new_cdp_session(page)
    devtools.on("Network.requestWillBeSent", record)
    devtools.send("Network.enable")
    return attempts


def most_within(times: list[float], seconds: float) -> int:
    """The highest number of times in any period of this length."""
    return max(sum(start <= moment < start + seconds for moment in times) for start in times)


def logged_in_again(player: Player) -> Player:
    """The player with a new access token; the old one has expired."""
    body = {"username": player.username, "password": PASSWORD}
    player.access_token = player.call("POST", "/auth/login", json=body).json()["accessToken"]
    return player


def points_of(player: Player) -> int:
    points: int = player.call("GET", "/users/me").json()["score"]
    return points


def status_of(player: Player) -> str:
    status: str = player.call("GET", "/users/me").json()["status"]
    return status
