"""Display tokens at the API, which accepts none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.audit.audited_change import Initiator
from tests.app.http.test_access_control import CALLS
from tests.support.api_requests import Api, but_request_id, refused
from tests.support.services import services_in
from tests.support.system.harness import SystemHarness


@pytest.fixture(scope="module")
def display_token(running_system: SystemHarness) -> Iterator[str]:
    """A valid display token of the shared system."""
    with services_in(running_system.environment()) as services:
        yield services.display_tokens.issue(Initiator("operator:x", "a test"), "hall", 3600).jwt


@pytest.mark.parametrize(("method", "path"), [*CALLS, ("GET", "/api/admin/users")])
def test_no_call_of_the_api_accepts_a_display_token(
    api: Api, display_token: str, method: str, path: str
) -> None:
    for prefixed in (path, path.removeprefix("/api")):
        reply = api.call(method, prefixed, token=display_token)
        refused(reply, 401, "AUTH_INVALID")
        assert but_request_id(reply) == but_request_id(api.call(method, prefixed, token="x.y.z"))


def test_a_display_token_can_not_be_refreshed(api: Api, display_token: str) -> None:
    reply = api.post("/api/auth/refresh", {"refreshToken": display_token})
    refused(reply, 401, "AUTH_INVALID")
