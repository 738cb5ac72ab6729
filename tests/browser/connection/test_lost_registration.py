"""A registration whose answer was lost: the account exists, and the same form logs in to it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.page_actions import LIVE, expect
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

REGISTER = "**/api/auth/register"
UNREACHABLE = "The server can't be reached."
TAKEN = "This username is taken."

pytestmark = pytest.mark.slow


def test_a_player_whose_registration_got_no_answer_is_logged_in_by_the_next_try(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system)
    page.route(REGISTER, carry_out_without_an_answer, times=1)
    username = f"page_{secrets.token_hex(6)}"
    submit(page, username, PASSWORD)
    expect(page.locator("#register-form [data-form-error]")).to_have_text(UNREACHABLE)
    page.locator("#register-form [type=submit]").click()
    expect(page.locator("#connection")).to_have_text(LIVE)
    expect(page.locator("#player-name")).to_have_text(username)


def test_a_name_of_another_player_is_taken_also_after_a_try_without_an_answer(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    taken = running_system.register().username
    page = open_page(running_system)
    page.route(REGISTER, carry_out_without_an_answer, times=1)
    submit(page, taken, f"{PASSWORD}!")
    expect(page.locator("#register-form [data-form-error]")).to_have_text(UNREACHABLE)
    page.locator("#register-form [type=submit]").click()
    expect(page.locator("#register-username-error")).to_have_text(TAKEN)


def test_an_answered_registration_of_a_taken_name_tries_no_login(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    taken = running_system.register().username
    page = open_page(running_system)
    logins: list[str] = []
    page.on("request", lambda request: logins.append(request.url))
    submit(page, taken, PASSWORD)
    expect(page.locator("#register-username-error")).to_have_text(TAKEN)
    assert not any("login" in url for url in logins)


def carry_out_without_an_answer(route: Route) -> None:
    """The server answers, and the connection breaks before the answer arrives."""
    route.fetch()
    route.abort("connectionreset")


def submit(page: Page, username: str, password: str) -> None:
    page.locator("#log-in [data-show=register]").click()
    form = page.locator("#register-form")
    form.locator("[name=username]").fill(username)
    form.locator("[name=password]").fill(password)
    form.locator("[type=submit]").click()
