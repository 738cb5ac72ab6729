"""/docs as a reader sees it: every call with its example, and nothing from outside."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
import requests

from tests.browser.conftest import OpenPage
from tests.browser.visitor import complaints_of, expect, width_of
from tests.system.running import RunningSystem

pytestmark = pytest.mark.slow
PHONE = {"width": 360, "height": 740}


def test_a_calls_example_is_shown_and_nothing_comes_from_outside(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    page = open_page(running_system)
    complaints, hosts = complaints_of(page), set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.goto(f"{running_system.url}/docs")
    page.get_by_role("link", name="POST /scores/increment").click()
    call = page.locator("article:target")
    expect(call.get_by_role("heading", level=3)).to_contain_text("/api/scores/increment")
    expect(call.locator(".command")).to_have_text(
        'curl -s "$API/scores/increment" \\\n'
        '  -H "Authorization: Bearer $ACCESS" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        '  -d "{\\"actionToken\\": \\"$ACTION\\"}"',
        use_inner_text=True,
    )
    expect(call.locator(".reply")).to_contain_text('"newScore": 1')
    expect(call.get_by_role("row", name="actionToken required string")).to_be_visible()
    expect(page.get_by_text(f"API={running_system.url}/api")).to_be_visible()
    assert hosts == {urlsplit(running_system.url).netloc}
    assert complaints == []


def test_every_call_of_the_document_is_on_the_page(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    document = requests.get(f"{running_system.url}/openapi.json", timeout=10).json()
    calls = sum(
        method != "parameters" for shared in document["paths"].values() for method in shared
    )
    page = open_page(running_system)
    page.goto(f"{running_system.url}/docs")
    expect(page.locator("article .command")).to_have_count(calls)
    expect(page.locator("nav li")).to_have_count(calls)


def test_it_is_readable_on_a_phone(open_page: OpenPage, running_system: RunningSystem) -> None:
    page = open_page(running_system, viewport=PHONE)
    page.goto(f"{running_system.url}/docs")
    assert width_of(page) == PHONE["width"]


def test_its_policy_lets_nothing_in_from_outside(running_system: RunningSystem) -> None:
    reply = requests.get(f"{running_system.url}/docs", timeout=10)
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<script" not in reply.text
    assert "style=" not in reply.text
