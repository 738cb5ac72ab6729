"""EVENT_MODE: a school or a company behind one public address."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.factory import create_app
from tests.support.services import Services
from tests.support.system.player import PASSWORD

pytestmark = pytest.mark.slow

USUAL_REGISTRATIONS = 60


@pytest.mark.parametrize(("event_mode", "last_status"), [("false", 429), ("true", 201)])
def test_more_players_than_usual_register_from_one_address_at_an_event(
    make_services: Callable[..., Services], event_mode: str, last_status: int
) -> None:
    # Empty, so that the defaults apply instead of the limits of tests.
    services = make_services(EVENT_MODE=event_mode, AUTH_LIMIT="", READ_LIMIT="")
    client = create_app(services).test_client()
    statuses = [
        client.post(
            "/api/auth/register", json={"username": f"pupil-{number}", "password": PASSWORD}
        ).status_code
        for number in range(USUAL_REGISTRATIONS + 1)
    ]
    assert statuses == [*[201] * USUAL_REGISTRATIONS, last_status]
