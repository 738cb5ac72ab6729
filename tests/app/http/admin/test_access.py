"""Who may call /admin."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from app.composition import Services
from tests.app.http.admin.calling import (
    ACT,
    Caller,
    board,
    body_of,
    operations,
    refused,
)
from tests.app.people import Person
from tests.servers import Stores, empty
from tests.system.running import free_ports


def test_only_admins_are_let_in_at_both_places(
    app: Flask, services: Services, ada: Person, log_in: Callable[[str], Caller]
) -> None:
    stranger, player = Caller(app, "", ""), log_in(ada.username)
    found = operations(app, ada.user_id)
    assert len(found) == 12
    for method, path in found:
        for place in (path, path.removeprefix("/api")):
            refused(stranger(method, place, {}), 401, "AUTH_REQUIRED")
            refused(player(method, place, {}), 403, "FORBIDDEN")
    assert board(services) == [("Ada", 3)]
    assert services.inspection.audit(limit=10) == []


def test_a_role_taken_away_is_gone_at_once_and_a_banned_admin_is_out(
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


def test_a_banned_admin_is_out_even_if_redis_was_not_told(
    make_services: Callable[..., Services], admin: Caller
) -> None:
    (port,) = free_ports(1)
    cut_off = make_services(REDIS_URL=f"redis://127.0.0.1:{port}/0")
    assert not cut_off.moderation.ban(ACT, admin.user_id).told
    refused(admin("GET", "/admin/users"), 403, "USER_BANNED")
