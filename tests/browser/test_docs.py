"""/docs in a browser: every call, the search, a call that is tried, and no other hosts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.browser.conftest import OpenPage
from tests.browser.page_actions import console_errors_of, expect, width_of
from tests.support.system.harness import SystemHarness

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.slow
PHONE = {"width": 360, "height": 740}
SEARCHES = {
    "increment": "/api/scores/increment",
    "SCORE AND RANK": "/api/users/me",
    "delete": "/api/admin/users/{user}",
}
"""A call that each phrase finds."""


def calls_of(system: SystemHarness) -> dict[tuple[str, str], dict[str, Any]]:
    """The operations of the document by method and path."""
    paths = requests.get(f"{system.url}/openapi.json", timeout=10).json()["paths"]
    return {
        (method, path): operation
        for path, shared in paths.items()
        for method, operation in shared.items()
        if method != "parameters"
    }


def open_docs(open_page: OpenPage, system: SystemHarness, **options: Any) -> Page:
    page = open_page(system, "/docs", **options)
    expect(page.locator(".opblock").first).to_be_visible()
    return page


def open_call(page: Page, method: str, path: str) -> Locator:
    call = page.locator(f".opblock-{method}", has=page.locator(f'[data-path="{path}"]'))
    call.locator(".opblock-summary-control").click()
    return call


def test_every_call_of_the_document_is_on_the_page_which_asks_no_other_host(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    calls = calls_of(running_system)
    page = open_page(running_system, "/health")
    console_errors, hosts = console_errors_of(page), set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.goto(f"{running_system.url}/docs")
    expect(page.locator(".opblock")).to_have_count(len(calls))
    for method, path in calls:
        expect(page.locator(f'.opblock-{method} [data-path="{path}"]')).to_have_count(1)
    expect(page.get_by_role("heading", name="Watching over the WebSocket")).to_be_visible()
    assert hosts == {urlsplit(running_system.url).netloc}
    assert console_errors == []


def test_a_call_is_shown_with_the_command_that_a_test_sends(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    operation = calls_of(running_system)["post", "/api/scores/increment"]
    call = open_call(open_docs(open_page, running_system), "post", "/api/scores/increment")
    command = call.locator(".opblock-description pre")
    expect(command).to_have_text(operation["x-codeSamples"][0]["source"], use_inner_text=True)
    expect(call.locator(".responses-inner")).to_contain_text('"newScore": 1')
    expect(call).to_contain_text("actionToken")


def test_the_search_finds_calls_by_their_path_method_and_summary(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    calls = calls_of(running_system)
    # One page for all, because it takes seconds of CPU to open.
    page = open_docs(open_page, running_system)
    for phrase, path in SEARCHES.items():
        found = [
            call
            for call, operation in calls.items()
            if phrase.lower() in f"{' '.join(call)} {operation['summary']}".lower()
        ]
        page.get_by_placeholder("Filter by tag").fill(phrase)
        expect(page.locator(".opblock"), phrase).to_have_count(len(found))
        expect(page.locator(f'.opblock [data-path="{path}"]')).to_be_visible()


def test_a_call_can_be_tried_with_an_access_token(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    player = running_system.register()
    page = open_docs(open_page, running_system)
    page.get_by_role("button", name="Authorize").click()
    form = page.locator(".auth-container").filter(has_text="accessToken")
    form.locator("input").fill(player.access_token)
    form.get_by_role("button", name=re.compile("^Apply")).click()
    form.get_by_role("button", name="Close").click()
    call = open_call(page, "get", "/api/users/me")
    call.get_by_role("button", name="Try it out").click()
    with page.expect_response("**/api/users/me") as reply:
        call.get_by_role("button", name="Execute").click()
    assert reply.value.status == 200
    expect(call.locator(".live-responses-table tbody")).to_contain_text(player.username)


def test_it_fits_a_phones_screen_and_follows_the_colour_scheme(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_docs(open_page, running_system, viewport=PHONE, color_scheme="light")
    open_call(page, "get", "/api/leaderboard")
    expect(page.locator(".responses-table").first).to_be_visible()
    transparent = "rgba(0, 0, 0, 0)"
    expect(page.locator("html")).to_have_css("background-color", transparent)
    assert width_of(page) == PHONE["width"]
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).not_to_have_css("background-color", transparent)
    assert width_of(page) == PHONE["width"]


def test_without_javascript_it_links_to_the_document(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system, "/docs", java_script_enabled=False)
    expect(page.locator("noscript p")).to_contain_text("This page needs JavaScript.")
    expect(page.locator("noscript a")).to_have_attribute("href", "openapi.json")


def test_its_policy_allows_no_inline_code_and_no_other_host(running_system: SystemHarness) -> None:
    reply = requests.get(f"{running_system.url}/docs", timeout=10)
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "connect-src 'self';" in policy
    assert not re.search(r"<script(?! defer src=\"assets/)|style=", reply.text)
