"""`flask ledger verify`: exit status and output."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from app.contract import keys
from app.maintenance import ledger_check
from tests.app.cli.conftest import Run
from tests.support.players import Person
from tests.support.services import Services

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def settle_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_check, "SETTLE_SECONDS", 0.05)


def test_a_sound_ledger_exits_with_0(run: Run, services: Services) -> None:
    Person.register(services).score(3)
    services.reconciler.run_pass()
    result = run("ledger", "verify")
    assert result.exit_code == 0
    assert "agree for 1 players on the board main, and on every other board" in result.output


def test_a_wrong_score_is_shown_and_never_repaired(run: Run, services: Services) -> None:
    person = Person.register(services)
    person.score(3)
    services.reconciler.run_pass()
    with services.database.transaction() as connection:
        connection.execute(text("UPDATE users SET score = 4"))
    for words in (["ledger", "verify"], ["ledger", "verify", "--repair"]):
        result = run(*words)
        assert result.exit_code == 1
        assert f"{person.user_id}: score is 4, should be 3" in result.output


def test_a_wrong_index_is_shown_and_repaired_only_with_the_option(
    run: Run, services: Services
) -> None:
    people = [Person.register(services) for _ in range(12)]
    for person in people:
        person.score()
    services.reconciler.run_pass()
    services.redis.zadd(keys.INDEX_SCORES, {person.user_id: 5 for person in people})
    shown = run("ledger", "verify")
    assert shown.exit_code == 1
    assert "score in the rank index is 5, should be 1" in shown.output
    assert "… and 2 more" in shown.output
    repaired = run("ledger", "verify", "--repair")
    assert (repaired.exit_code, "Repaired 12 entries" in repaired.output) == (0, True)
    assert run("ledger", "verify").exit_code == 0
