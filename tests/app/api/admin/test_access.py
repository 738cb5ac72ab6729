"""Access to /admin."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from tests.support.api_client import (
    ACT,
    Caller,
    board,
    body_of,
    operations,
    refused,
)
from tests.support.players import Person
from tests.support.servers import Stores, empty
from tests.support.services import Services
from tests.support.system.harness import free_ports


def test_only_admins_may_call_with_and_without_the_prefix(
    app: Flask, services: Services, ada: Person, log_in: Callable[[str], Caller]
) -> None:
    stranger, player = Caller(app, "", ""), log_in(ada.username)
    found = operations(app, ada.user_id)
    assert len(found) == 26
    for method, path in found:
        for url in (path, path.removeprefix("/api")):
            refused(stranger(method, url, {}), 401, "AUTH_REQUIRED")
            refused(player(method, url, {}), 403, "FORBIDDEN")
    assert board(services) == [("Ada", 3)]
    assert services.moderation_reads.audit(limit=10) == []


def test_a_revoked_role_ends_at_once_and_a_banned_admin_is_refused(
    services: Services, stores: Stores, admin: Caller
) -> None:
    body_of(admin("GET", "/admin/users"))
    services.moderation.set_role(ACT, admin.user_id, "player")
    refused(admin("GET", "/admin/users"), 403, "FORBIDDEN")
    services.moderation.set_role(ACT, admin.user_id, "admin")
    body_of(admin("GET", "/admin/users"))
    services.moderation.ban(ACT, admin.user_id)
    refused(admin("GET", "/admin/users"), 403, "USER_BANNED")
    empty(stores.redis_url)
    refused(admin("GET", "/admin/users"), 403, "USER_BANNED")


def test_a_banned_admin_is_refused_even_if_redis_did_not_get_the_ban(
    make_services: Callable[..., Services], admin: Caller
) -> None:
    (port,) = free_ports(1)
    cut_off = make_services(REDIS_URL=f"redis://127.0.0.1:{port}/0")
    assert not cut_off.moderation.ban(ACT, admin.user_id).published
    refused(admin("GET", "/admin/users"), 403, "USER_BANNED")
