"""Which X-Forwarded-… headers are believed: only those that the operator says the proxies set."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from app.factory import create_app
from tests.support.services import Services

pytestmark = pytest.mark.slow

SITE, EVIL = "https://board.example", "evil.example"
PAGES = ("/docs", "/openapi.json", "/api/openapi.json", "/nowhere")

MakeClient = Callable[..., FlaskClient]


@pytest.fixture
def client_with(make_services: Callable[..., Services]) -> MakeClient:
    """Makes an API at SITE with these settings."""

    def make(**variables: str) -> FlaskClient:
        return create_app(make_services(ALLOWED_ORIGINS=SITE, **variables)).test_client()

    return make


@pytest.mark.parametrize("hops", ["0", "1", "2"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": EVIL},
        {"X-Forwarded-Host": EVIL},
        {"X-Forwarded-Host": f"{EVIL}, {EVIL}, {EVIL}"},
        {"X-Forwarded-Server": EVIL, "X-Original-Host": EVIL, "Forwarded": f"host={EVIL}"},
        {"X-Forwarded-Prefix": f"//{EVIL}", "X-Forwarded-Port": "666"},
        {"X-Forwarded-Host": EVIL, "X-Forwarded-Proto": "https"},
    ],
)
def test_no_reply_shows_a_host_that_the_client_chose(
    client_with: MakeClient, hops: str, headers: dict[str, str]
) -> None:
    client = client_with(TRUSTED_PROXY_HOPS=hops)
    for path in PAGES:
        reply = client.get(path, headers=headers)
        assert reply.status_code == (404 if path == "/nowhere" else 200)
        assert EVIL not in reply.text
        assert ":666" not in reply.text
        assert "Location" not in reply.headers


def test_the_page_may_connect_to_the_host_that_a_trusted_proxy_states(
    client_with: MakeClient,
) -> None:
    client = client_with(TRUSTED_PROXY_HOPS="1", TRUSTED_PROXY_HEADERS="for, proto, host, port")
    headers = {
        "X-Forwarded-Host": f'"{EVIL}, scores.example',
        "X-Forwarded-Proto": "http, https",
        "X-Forwarded-Port": "8443",
    }
    policy = client.get("/", headers=headers).headers["Content-Security-Policy"]
    assert "wss://scores.example:8001" in policy
    assert EVIL not in policy


@pytest.mark.parametrize(
    ("trusted", "scheme_counts", "address_counts"),
    [("for", False, True), ("proto", True, False), ("for,proto", True, True)],
)
def test_each_header_is_believed_only_if_the_setting_names_it(
    client_with: MakeClient, trusted: str, scheme_counts: bool, address_counts: bool
) -> None:
    client = client_with(
        TRUSTED_PROXY_HOPS="1", TRUSTED_PROXY_HEADERS=trusted, READ_LIMIT="1 per minute"
    )
    headers = {"X-Forwarded-For": "203.0.113.1", "X-Forwarded-Proto": "https"}
    reply = client.get("/api/leaderboard", headers=headers)
    assert ("Strict-Transport-Security" in reply.headers) == scheme_counts
    again = client.get("/api/leaderboard", headers=headers | {"X-Forwarded-For": "203.0.113.2"})
    assert again.status_code == (200 if address_counts else 429)
