"""Pictures of what a player and an admin see."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from app.audit.audited_change import Initiator
from tests.browser.conftest import OpenPage
from tests.browser.page_actions import (
    LIVE,
    expect,
    log_in,
    refuse_streams,
    score_a_point,
    submit_login,
)
from tests.browser.screens.pictures import on_request, take
from tests.support.services import Services
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD

OPERATOR = Initiator("operator:test", "seven accounts from one address")

pytestmark = [pytest.mark.slow, on_request]


def test_a_player_and_a_ban(
    open_page: OpenPage, contest: SystemHarness, services: Services
) -> None:
    player = contest.register("Nia of the Below")
    page = open_page(contest)
    log_in(page, player)
    score_a_point(page)
    expect(page.locator("#around")).to_be_visible()
    take(page, "player")
    services.moderation.ban(OPERATOR, player.user_id)
    expect(page.locator("#notice")).to_be_visible()
    take(page, "banned")
    submit_login(page, player)
    expect(page.locator("#log-in-form [data-form-error]")).not_to_be_empty()
    take(page, "banned-login")
    page.locator("#log-in").get_by_role("button", name="Create an account").click()
    page.locator("#register-form").get_by_role("button").click()
    take(page, "register-errors")


def test_a_leader_in_german_and_a_ban_with_an_end(
    open_page: OpenPage, contest: SystemHarness, services: Services
) -> None:
    player = contest.register("Bärbel von der Langen Brücke")
    page = open_page(contest, locale="de-DE")
    page.locator("#log-in-username").fill(player.username)
    page.locator("#log-in-password").fill(PASSWORD)
    page.locator("#log-in-form button").click()
    expect(page.locator("#connection")).to_have_text(LIVE)
    for _ in range(26):
        player.score_point()
    expect(page.locator("tr.own")).to_be_visible()
    take(page, "german-leader")
    until = datetime.now(UTC) + timedelta(hours=2)
    services.moderation.ban(OPERATOR, player.user_id, until=until)
    expect(page.locator("#notice")).to_be_visible()
    take(page, "german-banned")


def test_a_player_whose_limit_is_used_up_and_who_is_flagged(
    open_page: OpenPage, crowded: SystemHarness
) -> None:
    player = crowded.register("مسابقة البرمجة")
    page = open_page(crowded)
    log_in(page, player)
    for _ in range(2):
        player.score_point()
    page.locator("#score").click()
    expect(page.locator("#score")).to_have_text(re.compile("Ready in"))
    take(page, "limit-reached")
    for _ in range(9):
        player.call("POST", "/actions/token")
    page.reload()
    expect(page.locator("#warning")).to_be_visible()
    take(page, "flagged")


def test_the_end_of_a_session(open_page: OpenPage, contest: SystemHarness) -> None:
    player = contest.register("Otto Ende")
    page = open_page(contest)
    log_in(page, player)
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#notice")).to_be_visible()
    take(page, "logged-out")
    log_in(page, player)
    change = {"oldPassword": PASSWORD, "newPassword": f"{PASSWORD}!"}
    assert player.call("POST", "/auth/password", json=change).status_code == 200
    expect(page.locator("#notice")).to_be_visible()
    take(page, "logged-out-elsewhere")
    submit_login(page, player)
    expect(page.locator("#log-in-form [data-form-error]")).not_to_be_empty()
    take(page, "wrong-password")


def test_a_player_without_a_connection(open_page: OpenPage, contest: SystemHarness) -> None:
    page = open_page(contest)
    log_in(page, contest.register("Tunnel Tim"))
    page.context.set_offline(True)
    page.locator("#score").click()
    expect(page.locator("#connection")).not_to_have_text(LIVE)
    expect(page.locator("#outcome")).not_to_be_empty()
    take(page, "offline")


def test_an_admin(open_page: OpenPage, contest: SystemHarness, services: Services) -> None:
    admin = contest.register("Ada the Admin")
    services.moderation.set_role(OPERATOR, admin.user_id, "admin")
    screen = open_page(contest, "/?display")
    refuse_streams(screen)
    screen.reload()
    page = open_page(contest)
    log_in(page, admin)
    form = page.locator("#pairing-form")
    expect(form).to_be_visible()
    form.get_by_label("Code").fill("BCD-FGH")
    form.get_by_role("button").click()
    expect(form.locator("[data-form-error]")).not_to_be_empty()
    take(page, "admin-unknown-code")
    form.get_by_label("Code").fill(screen.locator("#notice code").inner_text())
    form.get_by_role("button").click()
    expect(page.locator("#pairing-result")).not_to_be_empty()
    take(page, "admin")
