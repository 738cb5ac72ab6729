"""Limits, flags and bans as a player at the page meets them."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from app.composition import Services
from app.services.moderation import Act
from tests.browser.conftest import OpenPage
from tests.browser.visitor import (
    NOT_LOGGED_IN,
    expect,
    log_in,
    player_next_to_the_top_ten,
    row_of,
    score_a_point,
)
from tests.system.player import PASSWORD, Player
from tests.system.running import RunningSystem

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

READY_IN = re.compile(r"^Ready in \d+ s$")
PATHS = ("/api/actions/token", "/api/scores/increment")
# As fast as a page's own script can, faster than any finger: on each frame, by key and by mouse.
EAGER = """seconds => new Promise((done) => {
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


def test_eager_clicking_spends_the_allowance_then_waits_and_never_looks_like_cheating(
    open_page: OpenPage, strict_system: RunningSystem
) -> None:
    player = strict_system.register()
    page = open_page(strict_system)
    log_in(page, player)
    attempts = attempts_of(page)
    page.evaluate(EAGER, 3)
    expect(page.locator("#allowance")).to_have_text("0 of 5 left for now")
    expect(page.locator("#score")).to_have_text(READY_IN)
    expect(page.locator("#score")).to_be_disabled()
    assert points_of(player) == 5
    # A page that was loaded anew knows nothing of the limit, but still of what was tried.
    for _ in range(3):
        page.reload()
        expect(page.locator("#own-score")).to_have_text("5")
        page.evaluate(EAGER, 1)
    assert max(len(times) for times in attempts.values()) < 8
    assert status_of(player) == "active"


def test_eager_clicking_keeps_below_the_fraud_rule_where_the_limits_would_let_it_through(
    open_page: OpenPage, hasty_system: RunningSystem
) -> None:
    player = hasty_system.register()
    page = open_page(hasty_system)
    log_in(page, player)
    attempts = attempts_of(page)
    page.evaluate(EAGER, 2)
    page.reload()
    expect(page.locator("#score")).to_have_text(READY_IN)
    page.evaluate(EAGER, 4)
    # On a busy machine a frame, and with it a click, takes its time.
    limit = time.monotonic() + 20
    while min(len(attempts[path]) for path in PATHS) <= 3 and time.monotonic() < limit:
        page.evaluate(EAGER, 1)
    for path in PATHS:
        assert len(attempts[path]) > 3
        assert densest(attempts[path], seconds=3) == 3
    assert status_of(logged_in_again(player)) == "active"


def test_a_refusal_says_the_limit_and_the_seconds_left(
    open_page: OpenPage, strict_system: RunningSystem
) -> None:
    player = strict_system.register()
    page = open_page(strict_system)
    log_in(page, player)
    for _ in range(5):
        player.score_point()
    page.locator("#score").click()
    expect(page.locator("#outcome")).to_have_text(
        re.compile(r"^You have reached the limit\. You can score again in [1-6]?\d s\.$")
    )
    expect(page.locator("#score")).to_have_text(READY_IN)
    assert points_of(player) == 5


def test_who_is_flagged_is_told_so_at_once_and_when_they_come_again(
    open_page: OpenPage, strict_system: RunningSystem
) -> None:
    player = strict_system.register()
    page = open_page(strict_system)
    log_in(page, player)
    expect(page.locator("#warning")).to_be_hidden()
    for _ in range(9):
        player.call("POST", "/actions/token")
    assert status_of(player) == "flagged"
    page.locator("#score").click()
    expect(page.locator("#warning")).to_contain_text("your limits are halved for a while")
    page.reload()
    expect(page.locator("#warning")).to_contain_text("your limits are halved for a while")


def test_a_ban_is_seen_by_the_banned_and_by_all_others_within_a_second(
    open_page: OpenPage, running_system: RunningSystem, operator: Services
) -> None:
    player = player_next_to_the_top_ten(running_system)
    banned, watching = open_page(running_system), open_page(running_system)
    log_in(banned, player)
    log_in(watching, running_system.register())
    score_a_point(banned)
    expect(row_of(watching, player)).to_be_visible()
    operator.moderation.ban(Act("test", "because"), player.user_id)
    expect(banned.locator("#notice")).to_have_text("This account is banned.", timeout=1_000)
    expect(row_of(watching, player)).to_have_count(0, timeout=1_000)
    expect(banned.locator("#connection")).to_have_text(NOT_LOGGED_IN)
    form = banned.locator("#log-in-form")
    form.get_by_label("Username").fill(player.username)
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button").click()
    expect(form.locator("[data-form-error]")).to_have_text("This account is banned")


def attempts_of(page: Page) -> dict[str, list[float]]:
    """When the page asks for each of what the fraud rule counts, from now on."""
    attempts: dict[str, list[float]] = {path: [] for path in PATHS}

    def note(request: Request) -> None:
        path = urlsplit(request.url).path
        if path in attempts:
            attempts[path].append(time.monotonic())

    page.on("request", note)
    return attempts


def densest(times: list[float], seconds: float) -> int:
    """The most of them within so many seconds."""
    return max(sum(start <= moment < start + seconds for moment in times) for start in times)


def logged_in_again(player: Player) -> Player:
    """With a new access token; the old one is over."""
    body = {"username": player.username, "password": PASSWORD}
    player.access_token = player.call("POST", "/auth/login", json=body).json()["accessToken"]
    return player


def points_of(player: Player) -> int:
    points: int = player.call("GET", "/users/me").json()["score"]
    return points


def status_of(player: Player) -> str:
    status: str = player.call("GET", "/users/me").json()["status"]
    return status
