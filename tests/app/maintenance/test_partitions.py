"""Partitions of the ledger: counting across their bounds, and preparing coming months."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from app.audit.audited_change import Initiator
from app.contract.errors import DatabaseUnavailable, TokenUsed
from app.maintenance import ledger_check, partitions
from tests.app.conftest import StartBackground
from tests.support.ledger_months import actions_of, month, replace_partitions
from tests.support.players import Person
from tests.support.servers import Stores
from tests.support.services import Services
from tests.support.system.alert_receiver import alert_receiver
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

OPERATOR = Initiator("operator:test", "because")


@pytest.fixture(autouse=True)
def _settle_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_check, "SETTLE_SECONDS", 0.05)


def months(services: Services) -> list[str]:
    return [each.name for each in services.partitions.overview().partitions]


def sound(services: Services) -> bool:
    services.reconciler.run_pass()
    return services.ledger_check.verify().sound


def test_a_token_issued_before_the_end_of_a_month_and_used_after_it_counts_once(
    services: Services,
) -> None:
    person = Person.register(services)
    # A bound at the current time instead of midnight, so that the test does not have to wait.
    replace_partitions(services, [datetime.now(UTC), month(2)])
    before = person.aged_token(20_000)
    assert services.scoring.increment(person.identity, before).outcome.score == 1
    person.score()
    for _ in range(2):
        with pytest.raises(TokenUsed) as refusal:
            services.scoring.increment(person.identity, before)
        assert refusal.value.details is not None
        assert refusal.value.details["newScore"] == 1
    assert actions_of(services, person) == [("actions_part_0", 1, 1), ("actions_part_1", 1, 2)]
    assert sound(services)


def test_parallel_spends_of_one_token_across_the_end_of_a_month_count_once(
    services: Services,
) -> None:
    person = Person.register(services)
    replace_partitions(services, [datetime.now(UTC), month(2)])
    token = person.aged_token(20_000)

    def spend(_: int) -> int:
        try:
            return services.scoring.increment(person.identity, token).outcome.score
        except TokenUsed:
            return 0

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(spend, range(16))) == [0] * 15 + [1]
    assert actions_of(services, person) == [("actions_part_0", 1, 1)]


def test_the_lookup_of_a_token_reads_one_partition(services: Services) -> None:
    person = Person.register(services)
    services.partitions.prepare(OPERATOR, 36)
    with services.database.reading() as connection:
        plan = connection.execute(
            text(
                "EXPLAIN SELECT score_after FROM actions"
                " WHERE issued_at = to_timestamp(:at / 1000.0) AND nonce = :nonce"
            ),
            {"at": int(month(7).timestamp() * 1000), "nonce": person.user_id},
        ).scalars()
        scanned = [line for line in plan if " on actions" in line]
    assert len(scanned) == 1
    assert f"on actions_{month(7):%Y_%m} " in scanned[0]


def test_actions_without_a_partition_count_and_move_into_the_prepared_month(
    services: Services,
) -> None:
    person = Person.register(services)
    replace_partitions(services, [month(-2)])
    token = person.token()
    services.scoring.increment(person.identity, token)
    person.score(2)
    assert services.partitions.overview().outside == 3
    made = services.partitions.prepare(OPERATOR)
    assert made == [f"actions_{month(number):%Y_%m}" for number in range(-2, 4)]
    assert services.partitions.overview().outside == 0
    here = f"actions_{month(0):%Y_%m}"
    assert actions_of(services, person) == [(here, 1, 1), (here, 1, 2), (here, 1, 3)]
    with pytest.raises(TokenUsed):
        services.scoring.increment(person.identity, token)
    assert sound(services)


def test_partitions_start_at_midnight_utc_in_any_time_zone_of_the_database(
    services: Services, stores: Stores
) -> None:
    replace_partitions(services, [month(0)])
    name = stores.database_url.rpartition("/")[2]
    with services.database.transaction() as connection:
        connection.execute(text(f"ALTER DATABASE {name} SET timezone TO 'Pacific/Auckland'"))
    services.partitions.prepare(OPERATOR, 2)
    found = services.partitions.overview().partitions
    assert [(each.begin, each.end) for each in found] == [
        (None, month(0)),
        *((month(number), month(number + 1)) for number in range(3)),
    ]
    assert found[1].name == f"actions_{month(0):%Y_%m}"


def test_parallel_preparations_create_each_month_once_and_audit_it(services: Services) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: services.partitions.prepare(OPERATOR, 5), range(4)))
    assert sorted(map(len, made)) == [0, 0, 0, 2]
    (entry,) = services.moderation_reads.audit(limit=10)
    assert (entry.actor, entry.act, entry.user_id) == (OPERATOR.actor, "prepare-partitions", None)
    assert entry.details == {"tables": months(services)[-2:]}


def test_api_processes_prepare_the_coming_months(
    services: Services, start_background: StartBackground
) -> None:
    replace_partitions(services, [month(1)])
    start_background(services)
    await_true(lambda: len(months(services)) == 4, 10)
    assert months(services)[-1] == f"actions_{month(3):%Y_%m}"


def test_a_table_that_stays_locked_delays_no_request_and_leads_to_an_alert(
    make_services: Callable[..., Services], stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "PREPARE_INTERVAL_SECONDS", 0.0)
    monkeypatch.setattr(partitions, "ALERT_AFTER_FAILURES", 2)
    with alert_receiver() as receiver:
        services = make_services(ALERT_URLS=receiver.url)
        person = Person.register(services)
        replace_partitions(services, [month(1)])
        dump = psycopg2.connect(stores.database_url)
        dump.cursor().execute("LOCK TABLE actions IN ACCESS SHARE MODE")
        with capture_logs() as lines:
            services.partition_scheduler.prepare_if_due()
            assert receiver.messages == []
            services.partition_scheduler.prepare_if_due()
        # The thread that sends the alert may have logged too.
        found = [line["event"] for line in lines]
        assert found.count("partitions_not_prepared") == 2
        await_true(lambda: receiver.titles() == ["PARTITIONS_NOT_PREPARED"], 5)
        with pytest.raises(DatabaseUnavailable):
            services.partitions.prepare(OPERATOR, attempts=1)
        # No request queued behind the waiting locks.
        assert person.score().score == 1
        dump.close()
        services.partition_scheduler.prepare_if_due()
        assert len(months(services)) == 4


def test_a_new_database_has_the_coming_months(services: Services) -> None:
    ends = [each.end for each in services.partitions.overview().partitions]
    assert max(ends) - datetime.now(UTC) > timedelta(days=89)
