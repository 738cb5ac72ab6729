"""Without ADMIN_API, only this machine may call the admin API, even with an admin's token."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from app.audit.audited_change import Initiator
from app.factory import create_app
from tests.support.players import PASSWORD, Person
from tests.support.services import Services

pytestmark = pytest.mark.slow

NEAR, FAR = "127.0.0.1", "198.51.100.7"
FORWARDING_HEADERS = (
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "Forwarded",
    "X-Real-IP",
    "Via",
    "CF-Connecting-IP",
    "X-Amzn-Trace-Id",
)
LOOPBACK_HOSTS = ("localhost", "LOCALHOST:8000", "127.0.0.1:8000", "127.8.0.1", "[::1]:8000")
OTHER_HOSTS = (
    "evil.example",
    "evil.example:8000",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "0.0.0.0:8000",
    "198.51.100.7",
    "[2001:db8::1]",
    "",
)
"""A browser sends such a Host here after DNS rebinding."""
MALFORMED_HOSTS = ("evil.example@localhost", "localhost, evil.example")
"""Refused before access is checked."""
OTHER_ORIGINS = ("https://evil.example", "http://localhost.evil.example", "null", "", "localhost")

MakeServices = Callable[..., Services]


def admin(services: Services) -> tuple[FlaskClient, dict[str, str]]:
    """A client and the headers of an admin."""
    person = Person.register(services)
    services.moderation.set_role(Initiator("test", "because"), person.user_id, "admin")
    tokens = services.accounts.log_in(person.username, PASSWORD).tokens
    return create_app(services).test_client(), {"Authorization": f"Bearer {tokens.access_token}"}


def status(client: FlaskClient, headers: dict[str, str], address: str) -> tuple[int, str | None]:
    reply = client.get("/api/admin/users", headers=headers, environ_base={"REMOTE_ADDR": address})
    return reply.status_code, reply.get_json().get("code")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"])
def test_the_admin_api_is_open_to_admins_on_this_machine(
    make_services: MakeServices, address: str
) -> None:
    client, headers = admin(make_services())
    assert status(client, headers, address)[0] == 200
    assert status(client, {}, address) == (401, "AUTH_REQUIRED")


@pytest.mark.parametrize("address", [FAR, "10.0.0.1", "2001:db8::1", "::ffff:198.51.100.7", ""])
def test_the_admin_api_is_closed_to_other_machines(
    make_services: MakeServices, address: str
) -> None:
    client, headers = admin(make_services())
    assert status(client, headers, address) == (403, "FORBIDDEN")
    # The address is checked first, so that the reply does not reveal whether a token is valid.
    assert status(client, {}, address) == (403, "FORBIDDEN")


def test_a_request_through_a_proxy_on_this_machine_is_from_another_machine(
    make_services: MakeServices,
) -> None:
    client, headers = admin(make_services())
    for name in FORWARDING_HEADERS:
        for value in (FAR, NEAR, ""):
            assert status(client, headers | {name: value}, NEAR) == (403, "FORBIDDEN")
    reply = client.get(
        "/api/admin/users",
        headers=headers,
        # nginx sends no header of its own by default, but this version.
        environ_overrides={"REMOTE_ADDR": NEAR, "SERVER_PROTOCOL": "HTTP/1.0"},
    )
    assert reply.status_code == 403


def test_with_proxies_in_front_no_request_is_from_this_machine(make_services: MakeServices) -> None:
    client, headers = admin(make_services(TRUSTED_PROXY_HOPS="1"))
    for name in FORWARDING_HEADERS:
        assert status(client, headers | {name: NEAR}, NEAR) == (403, "FORBIDDEN")
    assert status(client, headers, NEAR) == (403, "FORBIDDEN")


def test_only_requests_to_a_name_of_this_machine_are_from_it(make_services: MakeServices) -> None:
    client, headers = admin(make_services())
    for host in LOOPBACK_HOSTS:
        assert status(client, headers | {"Host": host}, NEAR)[0] == 200, host
    for host in OTHER_HOSTS:
        assert status(client, headers | {"Host": host}, NEAR) == (403, "FORBIDDEN"), host
    for host in MALFORMED_HOSTS:
        assert status(client, headers | {"Host": host}, NEAR) == (400, "VALIDATION_ERROR"), host


def test_a_page_of_another_site_is_not_this_machine(make_services: MakeServices) -> None:
    client, headers = admin(make_services(CORS_ORIGINS="*"))
    assert status(client, headers | {"Origin": "http://localhost:3000"}, NEAR)[0] == 200
    for origin in OTHER_ORIGINS:
        assert status(client, headers | {"Origin": origin}, NEAR) == (403, "FORBIDDEN"), origin


def test_with_admin_api_admins_may_call_from_everywhere_and_others_may_not(
    make_services: MakeServices,
) -> None:
    services = make_services(ADMIN_API="true", TRUSTED_PROXY_HOPS="1")
    client, headers = admin(services)
    player = services.accounts.log_in(Person.register(services).username, PASSWORD).tokens
    through = {"X-Forwarded-For": FAR}
    assert status(client, headers | through, NEAR)[0] == 200
    assert status(client, headers, FAR)[0] == 200
    as_player = {"Authorization": f"Bearer {player.access_token}"}
    assert status(client, as_player | through, NEAR) == (403, "FORBIDDEN")
    assert status(client, through, NEAR) == (401, "AUTH_REQUIRED")
