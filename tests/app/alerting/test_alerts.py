"""Alerts to a real HTTP receiver: prompt, limited, and without delay for the reporter."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from unittest.mock import patch

import pytest
from sqlalchemy import text

from app.alerting import receivers
from app.alerting.alert_limit import AlertLimit
from app.alerting.alerts import FLUSH_SECONDS, STOP_SECONDS, Alerts
from app.alerting.background_parts import BackgroundParts
from app.alerting.receivers import receivers_at
from app.contract.alerts import AlertKind, cause_of
from app.contract.errors import DatabaseUnavailable
from app.storage.redis import connect
from config.redis_url import parse_redis_url
from tests.app.conftest import StartBackground
from tests.support.servers import Stores
from tests.support.services import Services
from tests.support.system.alert_receiver import AlertReceiver, alert_receiver
from tests.support.system.harness import free_ports
from tests.support.waiting import await_true

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


def test_a_receiver_that_never_answers_delays_neither_reports_nor_other_receivers(
    make_services: Callable[..., Services], receiver: AlertReceiver
) -> None:
    (unused_port,) = free_ports(1)
    with alert_receiver() as silent:
        silent.silent.set()
        urls = f"json://127.0.0.1:{unused_port}/, {silent.url} {receiver.url}"
        services = make_services(ALERT_URLS=urls)
        started = time.monotonic()
        for _ in range(1000):
            services.alerts.report(AlertKind.INTERNAL_ERROR, ValueError("x"))
        assert time.monotonic() - started < 1
        assert silent.requested.wait(5)
        await_true(lambda: receiver.titles() == ["INTERNAL_ERROR"], 5)
        started = time.monotonic()
        services.alerts.close()
        assert time.monotonic() - started < FLUSH_SECONDS + STOP_SECONDS + 1


def test_the_last_report_is_sent_before_the_process_ends(
    make_services: Callable[..., Services], receiver: AlertReceiver
) -> None:
    services = make_services(ALERT_URLS=receiver.url)
    services.alerts.report(AlertKind.DB_ERROR)
    assert services.alerts.flush(5)
    services.alerts.report(AlertKind.PART_FAILED, ValueError("x"))
    services.close()
    assert receiver.titles() == ["DB_ERROR", "PART_FAILED"]


def test_sending_to_a_receiver_that_fails_is_retried(
    make_services: Callable[..., Services], receiver: AlertReceiver
) -> None:
    receiver.failures = 1
    with patch.object(receivers, "ATTEMPT_DELAYS_SECONDS", (0.0, 0.1)):
        make_services(ALERT_URLS=receiver.url).alerts.report(AlertKind.DB_ERROR)
        await_true(lambda: receiver.titles() == ["DB_ERROR"], 5)


def test_without_urls_no_thread_starts(services: Services) -> None:
    before = set(threading.enumerate())
    services.alerts.start()
    services.alerts.report(AlertKind.DB_ERROR)
    started = {thread.name for thread in set(threading.enumerate()) - before}
    assert "alerts" not in started


def test_the_next_alert_has_the_number_of_suppressed_occurrences(
    stores: Stores, receiver: AlertReceiver
) -> None:
    with closing(connect(parse_redis_url(stores.redis_url), 1)) as client:
        alerts = Alerts(receivers_at([receiver.url]), AlertLimit(client, 2), BackgroundParts())
        for _ in range(2):
            alerts.report(AlertKind.DB_ERROR)
            assert alerts.flush(5)
        time.sleep(2.1)
        alerts.report(AlertKind.DB_ERROR)
        await_true(lambda: receiver.titles() == ["DB_ERROR", "DB_ERROR"], 5)
        alerts.close()
    assert "1 more in this process since its last alert." in receiver.messages[1]["message"]


def test_a_rank_index_that_is_not_reconciled_for_a_while_is_alerted(
    make_services: Callable[..., Services],
    receiver: AlertReceiver,
    start_background: StartBackground,
) -> None:
    (unused_port,) = free_ports(1)
    services = make_services(
        ALERT_URLS=receiver.url, DATABASE_URL=f"postgresql://u@127.0.0.1:{unused_port}/d"
    )
    with patch("app.maintenance.background.ALERT_AFTER_SECONDS", 1.0):
        started = time.monotonic()
        start_background(services)
        await_true(lambda: receiver.titles() == ["INDEX_NOT_KEPT"], 10)
        assert time.monotonic() - started >= 1.0


def test_the_cause_contains_no_value_of_a_statement(services: Services) -> None:
    with pytest.raises(DatabaseUnavailable) as failed, services.database.reading() as connection:
        connection.execute(text("SELECT CAST(:given AS text) FROM nowhere"), {"given": "hidden"})
    cause = cause_of(failed.value)
    assert "nowhere" in cause
    assert "hidden" not in cause
    assert cause_of(ValueError("hidden")) == "ValueError"
