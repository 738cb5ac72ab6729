"""What the live page tells a browser before any script runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.composition import Services
from app.factory import create_app

pytestmark = pytest.mark.slow

MakeServices = Callable[..., Services]


def test_the_policy_lets_no_script_or_style_in_but_the_servers_own(
    make_services: MakeServices,
) -> None:
    policy = policy_of(make_services(), "board.example")
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"


@pytest.mark.parametrize(
    ("host", "sources"),
    [
        ("board.example", "'self' ws://board.example:8001 wss://board.example:8001"),
        ("127.0.0.1:8000", "'self' ws://127.0.0.1:8001 wss://127.0.0.1:8001"),
        ("[::1]:8000", "'self' ws://*:8001 wss://*:8001"),
        ("evil;script-src *", "'self'"),
    ],
)
def test_the_page_may_reach_the_broadcaster_at_the_host_it_was_asked_for(
    make_services: MakeServices, host: str, sources: str
) -> None:
    assert policy_of(make_services(), host)["connect-src"] == sources


def test_a_websocket_url_of_the_settings_is_the_only_one_the_page_may_reach(
    make_services: MakeServices,
) -> None:
    services = make_services(WEBSOCKET_URL="wss://live.example:4433/ws")
    assert policy_of(services, "board.example")["connect-src"] == "'self' wss://live.example:4433"
    page = create_app(services).test_client().get("/").text
    assert 'data-websocket-url="wss://live.example:4433/ws"' in page


def test_the_pages_files_are_asked_for_again_only_when_they_changed(
    make_services: MakeServices,
) -> None:
    client = create_app(make_services()).test_client()
    first = client.get("/assets/main.js")
    assert first.status_code == 200
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get("/assets/main.js", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


def policy_of(services: Services, host: str) -> dict[str, str]:
    reply = create_app(services).test_client().get("/", headers={"Host": host})
    assert reply.status_code == 200
    directives = reply.headers["Content-Security-Policy"].split("; ")
    return dict(directive.split(" ", 1) for directive in directives)
