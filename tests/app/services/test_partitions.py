"""Months of the ledger: counting across their ends, and preparing the coming ones."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from app.composition import Services
from app.contract.errors import DatabaseUnavailable, TokenUsed
from app.services import ledger_check, partitions
from app.services.moderation import Act
from tests.alert_receiver import alert_receiver
from tests.app.conftest import StartBackground
from tests.app.months import lay_out, month, where
from tests.app.people import Person
from tests.app.services.test_scoring import aged
from tests.awaiting import await_true
from tests.servers import Stores

pytestmark = pytest.mark.slow

ACT = Act("operator:test", "because")


@pytest.fixture(autouse=True)
def settle_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_check, "SETTLE_SECONDS", 0.05)


def months(services: Services) -> list[str]:
    return [each.name for each in services.partitions.overview().partitions]


def sound(services: Services) -> bool:
    services.index_keeper.keep()
    return services.ledger_check.verify().sound


def test_a_token_issued_before_the_end_of_a_month_and_used_after_it_counts_once(
    services: Services,
) -> None:
    person = Person.register(services)
    # Not midnight, so that the test need not wait for it: an end is a moment like any other.
    lay_out(services, [datetime.now(UTC), month(2)])
    before = aged(services, person, 20_000)
    assert services.scoring.increment(person.identity, before).outcome.score == 1
    person.score()
    for _ in range(2):
        with pytest.raises(TokenUsed) as refusal:
            services.scoring.increment(person.identity, before)
        assert refusal.value.details is not None
        assert refusal.value.details["newScore"] == 1
    assert where(services, person) == [("actions_part_0", 1, 1), ("actions_part_1", 1, 2)]
    assert sound(services)


def test_one_token_spent_by_many_at_once_across_the_end_of_a_month_counts_once(
    services: Services,
) -> None:
    person = Person.register(services)
    lay_out(services, [datetime.now(UTC), month(2)])
    token = aged(services, person, 20_000)

    def spend(_: int) -> int:
        try:
            return services.scoring.increment(person.identity, token).outcome.score
        except TokenUsed:
            return 0

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(spend, range(16))) == [0] * 15 + [1]
    assert where(services, person) == [("actions_part_0", 1, 1)]


def test_the_lookup_of_a_token_asks_one_month_alone(services: Services) -> None:
    person = Person.register(services)
    services.partitions.prepare(ACT, 36)
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


def test_what_nobody_prepared_counts_all_the_same_and_is_moved_into_its_month(
    services: Services,
) -> None:
    person = Person.register(services)
    lay_out(services, [month(-2)])
    token = person.token()
    services.scoring.increment(person.identity, token)
    person.score(2)
    assert services.partitions.overview().outside == 3
    made = services.partitions.prepare(ACT)
    assert made == [f"actions_{month(number):%Y_%m}" for number in range(-2, 4)]
    assert services.partitions.overview().outside == 0
    here = f"actions_{month(0):%Y_%m}"
    assert where(services, person) == [(here, 1, 1), (here, 1, 2), (here, 1, 3)]
    with pytest.raises(TokenUsed):
        services.scoring.increment(person.identity, token)
    assert sound(services)


def test_months_begin_and_end_at_midnight_in_utc_wherever_the_database_is(
    services: Services, stores: Stores
) -> None:
    lay_out(services, [month(0)])
    name = stores.database_url.rpartition("/")[2]
    with services.database.transaction() as connection:
        connection.execute(text(f"ALTER DATABASE {name} SET timezone TO 'Pacific/Auckland'"))
    services.partitions.prepare(ACT, 2)
    found = services.partitions.overview().partitions
    assert [(each.begin, each.end) for each in found] == [
        (None, month(0)),
        *((month(number), month(number + 1)) for number in range(3)),
    ]
    assert found[1].name == f"actions_{month(0):%Y_%m}"


def test_who_prepares_at_once_makes_each_month_once_and_writes_it_down(services: Services) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: services.partitions.prepare(ACT, 5), range(4)))
    assert sorted(map(len, made)) == [0, 0, 0, 2]
    (entry,) = services.inspection.audit(limit=10)
    assert (entry.actor, entry.act, entry.user_id) == (ACT.actor, "prepare-partitions", None)
    assert entry.details == {"tables": months(services)[-2:]}


def test_web_processes_prepare_the_coming_months_by_themselves(
    services: Services, start_background: StartBackground
) -> None:
    lay_out(services, [month(1)])
    start_background(services)
    await_true(lambda: len(months(services)) == 4, 10)
    assert months(services)[-1] == f"actions_{month(3):%Y_%m}"


def test_a_table_that_is_locked_for_long_is_left_alone_and_somebody_is_told_in_the_end(
    make_services: Callable[..., Services], stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(partitions, "TRIES", 2)
    with alert_receiver() as receiver:
        services = make_services(ALERT_URLS=receiver.url)
        person = Person.register(services)
        lay_out(services, [month(1)])
        dump = psycopg2.connect(stores.database_url)
        dump.cursor().execute("LOCK TABLE actions IN ACCESS SHARE MODE")
        with capture_logs() as lines:
            services.partition_keeper.keep()
            assert receiver.messages == []
            services.partition_keeper.keep()
        assert [line["event"] for line in lines] == ["partitions_not_prepared"] * 2
        await_true(lambda: receiver.titles() == ["PARTITIONS_NOT_PREPARED"], 5)
        with pytest.raises(DatabaseUnavailable):
            services.partitions.prepare(ACT, attempts=1)
        # Nobody queued behind those who waited.
        assert person.score().score == 1
        dump.close()
        services.partition_keeper.keep()
        assert len(months(services)) == 4


def test_the_present_month_is_prepared_before_it_is_needed(services: Services) -> None:
    ends = [each.end for each in services.partitions.overview().partitions]
    assert max(ends) - datetime.now(UTC) > timedelta(days=89)
