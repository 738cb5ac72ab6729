"""Views that require a service key: the Authorization header, attacks, and rate limits."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask, jsonify
from structlog.contextvars import get_contextvars
from werkzeug.test import TestResponse

from app.accounts.service_keys.service_keys import IssuedServiceKey
from app.contract.errors import ServiceKeyInvalid
from app.factory import create_app
from app.http.access_control import current_service_key, service_key_required
from tests.support.api_client import ACT, body_of, refused
from tests.support.services import Services

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("key_boards")]

GUESSES, REQUESTS = 3, 4
LIMITS = {"AUTH_LIMIT": f"{GUESSES} per hour", "SERVICE_LIMIT": f"{REQUESTS} per hour"}


def app_with_probe(services: Services) -> Flask:
    """The app with a view that requires a service key."""
    app = create_app(services)

    @service_key_required
    def probe() -> Any:
        key = current_service_key()
        logged = get_contextvars().get("serviceKey")
        return jsonify(id=key.id, name=key.name, boards=sorted(key.boards), logged=logged)

    for prefix in ("", "/api"):
        app.add_url_rule(f"{prefix}/probe", f"probe{prefix}", probe, methods=["GET", "POST"])
    return app


class Probe:
    """Calls the view from an address of its own."""

    def __init__(self, services: Services, address: str = "192.0.2.1") -> None:
        self._app = app_with_probe(services)
        self.address = address

    def __call__(self, authorization: str | None, path: str = "/api/probe") -> TestResponse:
        headers = {} if authorization is None else {"Authorization": authorization}
        return self._app.test_client().get(
            path, headers=headers, environ_base={"REMOTE_ADDR": self.address}
        )


@pytest.fixture
def probe(services: Services) -> Probe:
    return Probe(services)


@pytest.fixture
def limited(make_services: Callable[..., Services]) -> Services:
    return make_services(**LIMITS)


@pytest.fixture
def issued(services: Services) -> IssuedServiceKey:
    return services.service_keys.create(ACT, "judge", ["quiz-night"], None)


def guess(number: int) -> str:
    return f"Bearer sk_{number:032x}_{'0' * 64}"


def limited_reply(reply: TestResponse, limit: int) -> None:
    """Assert a 429 with all its headers."""
    refused(reply, 429, "RATE_LIMITED")
    assert reply.headers["X-RateLimit-Limit"] == str(limit)
    assert reply.headers["X-RateLimit-Remaining"] == "0"
    assert 1 <= int(reply.headers["Retry-After"]) <= 3601
    reset = datetime.fromtimestamp(int(reply.headers["X-RateLimit-Reset"]), UTC)
    assert timedelta() < reset - datetime.now(UTC) < timedelta(seconds=3602)


def test_the_view_and_the_log_get_the_key(probe: Probe, issued: IssuedServiceKey) -> None:
    for scheme in ("Bearer", "bearer", "BEARER"):
        body = body_of(probe(f"{scheme} {issued.text}"))
        assert body == {
            "id": issued.record.id,
            "name": "judge",
            "boards": ["quiz-night"],
            "logged": issued.record.id,
        }


def test_without_credentials_the_reply_asks_for_a_service_key(probe: Probe) -> None:
    for authorization in (None, ""):
        reply = probe(authorization)
        body = refused(reply, 401, "AUTH_REQUIRED")
        assert body["message"] == "Send a service key: Authorization: Bearer <token>"
        assert reply.headers["WWW-Authenticate"] == "Bearer"


def test_other_notations_and_keys_get_one_reply(probe: Probe, issued: IssuedServiceKey) -> None:
    key = issued.text
    for authorization in (
        key,
        f"Basic {key}",
        f"Token {key}",
        f"Bearer{key}",
        f"Bearer\t{key}",
        "Bearer",
        f"Bearer {key} {key}",
        f"Bearer {key}, Bearer {key}",
        f'Bearer "{key}"',
        f"Bearer {key.upper()}",
        f"Bearer {key[:-1]}",
        f"Bearer {key[:-64]}{'0' * 64}",
        f"Bearer sk_{'0' * 32}{key[35:]}",
        f"Bearer {key}é",
        f"Bearer {key * 1000}",
    ):
        reply = probe(authorization)
        body = refused(reply, 401, "SERVICE_KEY_INVALID")
        assert body == ServiceKeyInvalid(guessed=False).as_json(body["requestId"])
        assert reply.headers["WWW-Authenticate"] == "Bearer"


def test_a_key_outside_the_authorization_header_is_ignored(
    probe: Probe, issued: IssuedServiceKey
) -> None:
    key = issued.text
    reply = probe(None, f"/api/probe?key={key}&token={key}&access_token={key}&Authorization={key}")
    refused(reply, 401, "AUTH_REQUIRED")
    assert key not in reply.text


def test_access_tokens_are_no_service_keys(services: Services, probe: Probe) -> None:
    token = services.accounts.register("ada", "correct horse", "Ada").tokens.access_token
    refused(probe(f"Bearer {token}"), 401, "SERVICE_KEY_INVALID")


def test_revoked_and_expired_keys_get_the_reply_of_a_guess(
    services: Services, probe: Probe, issued: IssuedServiceKey
) -> None:
    expired = services.service_keys.create(
        ACT, "old", ["finals"], datetime.now(UTC) + timedelta(hours=1)
    )
    body_of(probe(f"Bearer {expired.text}"))
    with services.database.transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE service_keys SET expires_at = clock_timestamp() WHERE expires_at IS NOT NULL"
        )
    body_of(probe(f"Bearer {issued.text}"))
    services.service_keys.revoke(ACT, issued.record)
    replies = [probe(f"Bearer {key.text}") for key in (issued, expired)] + [probe(guess(1))]
    bodies = [refused(reply, 401, "SERVICE_KEY_INVALID") for reply in replies]
    assert len({json.dumps(body | {"requestId": ""}) for body in bodies}) == 1
    names = [sorted(name for name, _ in reply.headers) for reply in replies]
    assert names[0] == names[1] == names[2]


def test_each_key_has_one_limit_at_every_address_and_for_both_prefixes(
    limited: Services, issued: IssuedServiceKey
) -> None:
    other = limited.service_keys.create(ACT, "second judge", ["quiz-night"], None)
    probes = [Probe(limited, f"192.0.2.{number}") for number in (1, 2)]
    for used in range(1, REQUESTS + 1):
        prefix = "/api" if used % 2 else ""
        reply = probes[used % 2](f"Bearer {issued.text}", f"{prefix}/probe")
        assert reply.status_code == 200
        assert reply.headers["X-RateLimit-Limit"] == str(REQUESTS)
        assert reply.headers["X-RateLimit-Remaining"] == str(REQUESTS - used)
    for probe in probes:
        limited_reply(probe(f"Bearer {issued.text}"), REQUESTS)
    assert probes[0](f"Bearer {other.text}").status_code == 200


def test_guesses_from_one_address_are_limited_and_keys_at_another_are_not(
    limited: Services, issued: IssuedServiceKey
) -> None:
    attacker, judge = Probe(limited, "192.0.2.1"), Probe(limited, "192.0.2.2")
    for number in range(GUESSES - 1):
        refused(attacker(guess(number)), 401, "SERVICE_KEY_INVALID")
    refused(attacker(f"Bearer {issued.text[:-64]}{'0' * 64}"), 401, "SERVICE_KEY_INVALID")
    limited_reply(attacker(guess(GUESSES)), GUESSES)
    # Not even the right key: otherwise the limit would not limit guesses.
    limited_reply(attacker(f"Bearer {issued.text}"), GUESSES)
    body_of(judge(f"Bearer {issued.text}"))


def test_texts_that_are_no_guess_do_not_close_an_address(
    limited: Services, issued: IssuedServiceKey
) -> None:
    probe = Probe(limited)
    revoked = limited.service_keys.create(ACT, "old judge", ["quiz-night"], None)
    limited.service_keys.revoke(ACT, revoked.record)
    for text in (revoked.text, issued.text[:-1], "x.y.z"):
        for _ in range(GUESSES + 1):
            refused(probe(f"Bearer {text}"), 401, "SERVICE_KEY_INVALID")
    body_of(probe(f"Bearer {issued.text}"))


def test_simultaneous_guesses_get_no_more_answers_than_the_limit(limited: Services) -> None:
    probe = Probe(limited)
    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda number: probe(guess(number)), range(24)))
    codes = [reply.get_json()["code"] for reply in replies]
    assert codes.count("SERVICE_KEY_INVALID") == GUESSES
    assert codes.count("RATE_LIMITED") == len(codes) - GUESSES


def test_without_redis_both_limits_hold_in_each_process(
    make_services: Callable[..., Services], issued: IssuedServiceKey
) -> None:
    away = make_services(**LIMITS, REDIS_URL="redis://127.0.0.1:1")
    probe = Probe(away)
    for _ in range(REQUESTS):
        body_of(probe(f"Bearer {issued.text}"))
    limited_reply(probe(f"Bearer {issued.text}"), REQUESTS)
    for number in range(GUESSES):
        refused(probe(guess(number)), 401, "SERVICE_KEY_INVALID")
    limited_reply(probe(guess(GUESSES)), GUESSES)
