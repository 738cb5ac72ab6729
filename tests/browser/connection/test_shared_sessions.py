"""Tabs with the same session: duplicated, restored by the browser, or without an answer."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from tests.browser.conftest import OpenPage
from tests.browser.page_actions import LIVE, expect, intercept_websockets, log_in
from tests.support.services import Services
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route, WebSocketRoute

CLOSE_TOKEN_ENDED = 4401
REFRESH = "**/api/auth/refresh"
# Pages without TLS have no locks, and old browsers no channel.
NEITHER_LOCKS_NOR_CHANNEL = """
    delete globalThis.BroadcastChannel;
    Object.defineProperty(Navigator.prototype, "locks", { value: undefined });
"""

pytestmark = pytest.mark.slow


class Tab:
    """A page that the browser restored with the player's session."""

    def __init__(self, page: Page, player: Player) -> None:
        self.page = page
        login = {
            "userId": player.user_id,
            "username": player.username,
            "accessToken": player.access_token,
            "refreshToken": player.refresh_token,
            "lifetimeMs": 900_000,
            "expiresAt": int(time.time() * 1000) + 800_000,
        }
        page.evaluate("text => sessionStorage.setItem('session', text)", json.dumps(login))
        self.connections: list[WebSocketRoute] = intercept_websockets(page)
        self.expect_logged_in()

    def renew(self) -> str:
        """Let the page renew its tokens; returns the refresh token that it used."""
        with self.page.expect_response(REFRESH) as reply:
            self.connections[-1].close(code=CLOSE_TOKEN_ENDED)
        assert reply.value.status == 200
        self.expect_logged_in()
        used: str = json.loads(reply.value.request.post_data or "")["refreshToken"]
        return used

    def expect_logged_in(self) -> None:
        expect(self.page.locator("#connection")).to_have_text(LIVE)
        expect(self.page.locator("#notice")).to_be_hidden()


def end_grace(operator: Services, player: Player) -> None:
    statement = (
        "UPDATE sessions SET refreshed_at = refreshed_at - interval '31 s' WHERE user_id = :u"
    )
    with operator.database.transaction() as connection:
        connection.execute(text(statement), {"u": player.user_id})


def duplicate(page: Page, system: SystemHarness) -> Page:
    """Another tab of the same browser."""
    twin = page.context.new_page()
    twin.goto(system.url)
    return twin


def test_duplicated_tabs_renew_one_session_in_turn(
    open_page: OpenPage, running_system: SystemHarness, operator: Services
) -> None:
    player = running_system.register()
    page = open_page(running_system)
    twin = Tab(duplicate(page, running_system), player)
    tab = Tab(page, player)
    used = []
    for each in (tab, twin, tab, twin):
        used.append(each.renew())
        end_grace(operator, player)
    assert len(set(used)) == len(used)


def test_a_logout_ends_the_session_in_every_tab(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    player = running_system.register()
    page = open_page(running_system)
    twin = Tab(duplicate(page, running_system), player)
    Tab(page, player)
    page.get_by_role("button", name="Log out").click()
    for each in (page, twin.page):
        expect(each.locator("#notice")).to_have_text("You are logged out.")


def test_a_logout_whose_reply_is_late_is_one_in_every_tab(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    player = running_system.register()
    page = open_page(running_system)
    twin = Tab(duplicate(page, running_system), player)
    Tab(page, player)

    def delay(route: Route) -> None:
        reply = route.fetch()
        # The WebSockets have been closed, and are opened again after at most 4 s.
        page.wait_for_timeout(4_500)
        route.fulfill(response=reply)

    page.route("**/api/auth/logout", delay)
    page.get_by_role("button", name="Log out").click()
    for each in (page, twin.page):
        expect(each.locator("#notice")).to_have_text("You are logged out.")


def test_tabs_that_can_not_talk_to_each_other_share_a_token_within_the_grace(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    player = running_system.register()
    page = open_page(running_system, init_script=NEITHER_LOCKS_NOR_CHANNEL)
    twin = Tab(duplicate(page, running_system), player)
    tab = Tab(page, player)
    assert tab.renew() == twin.renew()


def test_a_lost_answer_to_a_renewal_is_asked_for_again(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    player = running_system.register()
    tab = Tab(open_page(running_system), player)
    used: list[str] = []

    def lose_first_reply(route: Route) -> None:
        used.append(route.request.post_data or "")
        if len(used) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    tab.page.route(REFRESH, lose_first_reply)
    tab.renew()
    assert len(used) == 2
    assert len(set(used)) == 1


def test_a_page_from_the_browsers_cache_takes_the_tokens_that_its_tab_stored_since(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    first, second = running_system.register(), running_system.register()
    page = open_page(running_system)
    tab = Tab(page, first)
    newer = {
        "userId": second.user_id,
        "username": second.username,
        "accessToken": second.access_token,
        "refreshToken": second.refresh_token,
        "lifetimeMs": 900_000,
        "expiresAt": int(time.time() * 1000) + 900_000,
    }
    # What the back button does: the page that was left has stored its tokens.
    page.evaluate(
        """text => {
            sessionStorage.setItem("session", text);
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        json.dumps(newer),
    )
    expect(page.locator("#player-name")).to_have_text(second.username)
    assert tab.renew() == second.refresh_token


def test_a_login_after_a_logout_starts_a_session_of_its_own(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system)
    tab = Tab(page, running_system.register())
    page.get_by_role("button", name="Log out").click()
    # Until then the page shows the state from before the logout.
    expect(page.locator("#connection")).to_have_text(LIVE)
    log_in(page, running_system.register())
    tab.renew()
