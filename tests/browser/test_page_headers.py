"""The headers and attributes of the live page, without a browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.factory import create_app
from tests.support.services import Services

pytestmark = pytest.mark.slow

MakeServices = Callable[..., Services]


def test_the_content_security_policy_allows_only_the_servers_own_scripts_and_styles(
    make_services: MakeServices,
) -> None:
    policy = policy_of(make_services(), "board.example")
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"


@pytest.mark.parametrize(
    ("host", "broadcaster"),
    [
        ("board.example", "board.example:8001"),
        ("127.0.0.1:8000", "127.0.0.1:8001"),
        ("[::1]:8000", "*:8001"),
    ],
)
def test_the_page_may_connect_to_the_broadcaster_on_the_host_of_the_request(
    make_services: MakeServices, host: str, broadcaster: str
) -> None:
    schemes = ("ws", "wss", "http", "https")
    sources = ["'self'", *(f"{scheme}://{broadcaster}" for scheme in schemes)]
    services = make_services()
    for path in ("/", "/?overlay", "/embed/main"):
        assert policy_of(services, host, path)["connect-src"].split() == sources
    own = make_services(WEBSOCKET_URL="/ws")
    assert policy_of(own, "board.example")["connect-src"] == (
        "'self' ws://board.example wss://board.example"
    )


def test_a_host_that_would_extend_the_policy_is_refused(make_services: MakeServices) -> None:
    client = create_app(make_services()).test_client()
    reply = client.get("/", headers={"Host": "evil;script-src *"})
    assert reply.status_code == 400
    assert "evil" not in reply.headers["Content-Security-Policy"]


def test_a_page_may_connect_to_no_other_broadcaster_than_the_configured_one(
    make_services: MakeServices,
) -> None:
    services = make_services(WEBSOCKET_URL="wss://live.example:4433/ws")
    assert policy_of(services, "board.example")["connect-src"] == (
        "'self' wss://live.example:4433 https://live.example:4433"
    )
    page = create_app(services).test_client().get("/").text
    assert 'data-websocket-url="wss://live.example:4433/ws"' in page


def policy_of(services: Services, host: str, path: str = "/") -> dict[str, str]:
    reply = create_app(services).test_client().get(path, headers={"Host": host})
    assert reply.status_code == 200
    directives = reply.headers["Content-Security-Policy"].split("; ")
    return dict(directive.split(" ", 1) for directive in directives)
