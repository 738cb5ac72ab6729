"""Alerts to a real HTTP receiver: prompt, held back, and never in anybody's way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from unittest.mock import patch

import pytest
from sqlalchemy import text

from app.composition import Services
from app.contract.alerts import AlertKind, cause_of
from app.contract.errors import DatabaseUnavailable
from app.services import alert_receivers
from app.services.alerts import FLUSH_SECONDS, STOP_SECONDS
from app.services.health import HealthReport
from tests.alert_receiver import AlertReceiver, alert_receiver
from tests.app.conftest import StartBackground
from tests.awaiting import await_true
from tests.system.running import free_ports
from tools.embedded import EmbeddedValkey

pytestmark = pytest.mark.slow


@pytest.fixture
def receiver() -> Iterator[AlertReceiver]:
    with alert_receiver() as made:
        yield made


def test_an_alert_says_what_happened_and_is_sent_at_once(
    make_services: Callable[..., Services], receiver: AlertReceiver
) -> None:
    alerts = make_services(ALERT_URLS=receiver.url).alerts
    alerts.report(AlertKind.DB_ERROR, DatabaseUnavailable(), "req_7")
    await_true(lambda: receiver.titles() == ["DB_ERROR"], 5)
    body = receiver.messages[0]["message"]
    assert AlertKind.DB_ERROR.meaning in body
    assert "req_7" in body
    for _ in range(50):
        alerts.report(AlertKind.DB_ERROR)
    assert alerts.flush(5)
    assert len(receiver.messages) == 1


def test_a_receiver_that_never_answers_costs_nobody_anything(
    make_services: Callable[..., Services], receiver: AlertReceiver
) -> None:
    (nobody,) = free_ports(1)
    with alert_receiver() as silent:
        silent.silent.set()
        urls = f"json://127.0.0.1:{nobody}/, {silent.url} {receiver.url}"
        services = make_services(ALERT_URLS=urls)
        begun = time.monotonic()
        for _ in range(1000):
            services.alerts.report(AlertKind.INTERNAL_ERROR, ValueError("x"))
        assert time.monotonic() - begun < 1
        assert silent.asked.wait(5)
        await_true(lambda: receiver.titles() == ["INTERNAL_ERROR"], 5)
        begun = time.monotonic()
        services.alerts.close()
        assert time.monotonic() - begun < FLUSH_SECONDS + STOP_SECONDS + 0.5


def test_what_is_reported_last_is_sent_before_the_process_ends(
    make_services: Callable[..., Services], receiver: AlertReceiver
) -> None:
    services = make_services(ALERT_URLS=receiver.url)
    services.alerts.report(AlertKind.DB_ERROR)
    assert services.alerts.flush(5)
    services.alerts.report(AlertKind.PART_FAILED, ValueError("x"))
    services.close()
    assert receiver.titles() == ["DB_ERROR", "PART_FAILED"]


def test_a_receiver_that_fails_is_tried_again(
    make_services: Callable[..., Services], receiver: AlertReceiver
) -> None:
    receiver.refusals = 1
    with patch.object(alert_receivers, "PAUSES", (0.0, 0.1)):
        make_services(ALERT_URLS=receiver.url).alerts.report(AlertKind.DB_ERROR)
        await_true(lambda: receiver.titles() == ["DB_ERROR"], 5)


def test_without_urls_there_is_no_thread(services: Services) -> None:
    services.alerts.start()
    services.alerts.report(AlertKind.DB_ERROR)
    assert services.alerts._thread is None
    services.alerts.close()


def test_while_redis_is_away_the_machine_decides_and_it_is_not_well_until_a_check_says_so(
    make_services: Callable[..., Services], receiver: AlertReceiver, valkey: EmbeddedValkey
) -> None:
    (nobody,) = free_ports(1)
    first, second = (
        make_services(ALERT_URLS=receiver.url, REDIS_URL=f"redis://127.0.0.1:{nobody}/0").alerts
        for _ in range(2)
    )
    well = HealthReport("ok", "timeout", 1)
    with (
        patch.object(first, "_check", lambda: well),
        patch.object(second, "_check", lambda: well),
        patch("app.contract.alerts.QUIET_SECONDS", 0.5),
        patch("app.services.alerts.LOOK_SECONDS", 0.1),
    ):
        for alerts in (first, second, first):
            alerts.report(AlertKind.DB_ERROR)
            assert alerts.flush(5)
        assert receiver.titles() == ["DB_ERROR"]
        time.sleep(2.5)
        assert receiver.titles() == ["DB_ERROR"]
        well = HealthReport("ok", "ok", 1)
        await_true(lambda: len(receiver.messages) == 2, 5)
    assert receiver.titles()[1] == "DB_ERROR is well again"
    assert "2 more were held back" in receiver.messages[1]["message"]


def test_an_index_that_cannot_be_kept_for_a_while_is_alerted_of(
    make_services: Callable[..., Services],
    receiver: AlertReceiver,
    start_background: StartBackground,
) -> None:
    (nobody,) = free_ports(1)
    services = make_services(
        ALERT_URLS=receiver.url, DATABASE_URL=f"postgresql://u@127.0.0.1:{nobody}/d"
    )
    with patch("app.background.KEPT_WITHIN_SECONDS", 1.0):
        begun = time.monotonic()
        start_background(services)
        await_true(lambda: receiver.titles() == ["INDEX_NOT_KEPT"], 10)
        assert time.monotonic() - begun >= 1.0


def test_a_cause_tells_no_value_of_a_statement(services: Services) -> None:
    with pytest.raises(DatabaseUnavailable) as failed, services.database.reading() as connection:
        connection.execute(text("SELECT CAST(:given AS text) FROM nowhere"), {"given": "hidden"})
    cause = cause_of(failed.value)
    assert "nowhere" in cause
    assert "hidden" not in cause
    assert cause_of(ValueError("hidden")) == "ValueError"
