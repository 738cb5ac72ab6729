"""A display's token at the API: it opens nothing there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from app.composition import build_services
from app.services.moderation import Act
from config.settings import load_settings
from tests.app.http.asking import Api, but_request_id, refused
from tests.app.http.test_authorization import CALLS
from tests.system.running import RunningSystem


@pytest.fixture(scope="module")
def display_token(running_system: RunningSystem) -> Iterator[str]:
    """A real one that stands, of the system that tests share."""
    with patch.dict(os.environ, running_system.environment()):
        services = build_services(load_settings())
    yield services.displays.issue(Act("operator:x", "a test"), "hall", 3600).jwt
    services.close()


@pytest.mark.parametrize(("method", "path"), [*CALLS, ("GET", "/api/admin/users")])
def test_no_call_of_the_api_takes_a_display_token(
    api: Api, display_token: str, method: str, path: str
) -> None:
    for prefixed in (path, path.removeprefix("/api")):
        reply = api.call(method, prefixed, token=display_token)
        refused(reply, 401, "AUTH_INVALID")
        assert but_request_id(reply) == but_request_id(api.call(method, prefixed, token="x.y.z"))


def test_a_display_token_gets_no_other_tokens(api: Api, display_token: str) -> None:
    reply = api.post("/api/auth/refresh", {"refreshToken": display_token})
    refused(reply, 401, "AUTH_INVALID")
