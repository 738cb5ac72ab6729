"""The admin API is for this machine, unless it is switched on; a token alone opens nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from app.composition import Services
from app.factory import create_app
from app.services.moderation import Act
from tests.app.people import PASSWORD, Person

pytestmark = pytest.mark.slow

NEAR, FAR = "127.0.0.1", "198.51.100.7"
PROXIES_ADD = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")

MakeServices = Callable[..., Services]


def admin(services: Services) -> tuple[FlaskClient, dict[str, str]]:
    """A client, and the credentials of an admin."""
    person = Person.register(services)
    services.moderation.set_role(Act("test", "because"), person.user_id, "admin")
    tokens = services.accounts.log_in(person.username, PASSWORD).tokens
    return create_app(services).test_client(), {"Authorization": f"Bearer {tokens.access_token}"}


def status(client: FlaskClient, headers: dict[str, str], address: str) -> tuple[int, str | None]:
    reply = client.get("/api/admin/users", headers=headers, environ_base={"REMOTE_ADDR": address})
    return reply.status_code, reply.get_json().get("code")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"])
def test_on_this_machine_an_admin_is_let_in(make_services: MakeServices, address: str) -> None:
    client, headers = admin(make_services())
    assert status(client, headers, address)[0] == 200
    assert status(client, {}, address) == (401, "AUTH_REQUIRED")


@pytest.mark.parametrize("address", [FAR, "10.0.0.1", "2001:db8::1", "::ffff:198.51.100.7", ""])
def test_from_elsewhere_it_is_closed_to_admins_too(
    make_services: MakeServices, address: str
) -> None:
    client, headers = admin(make_services())
    assert status(client, headers, address) == (403, "FORBIDDEN")
    # Before the token is looked at, so that no answer tells whether a stolen one is good.
    assert status(client, {}, address) == (403, "FORBIDDEN")


@pytest.mark.parametrize("name", PROXIES_ADD)
@pytest.mark.parametrize("hops", ["0", "1"])
def test_who_comes_through_a_proxy_on_this_machine_is_elsewhere(
    make_services: MakeServices, name: str, hops: str
) -> None:
    client, headers = admin(make_services(TRUSTED_PROXY_HOPS=hops))
    for said in (FAR, NEAR, ""):
        assert status(client, headers | {name: said}, NEAR) == (403, "FORBIDDEN")


def test_switched_on_admins_are_let_in_from_everywhere_and_others_are_not(
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
