"""`flask ledger partitions`: output, errors, and a command that is killed half-way."""

from __future__ import annotations

import signal
import subprocess
from datetime import timedelta

import psycopg2
import pytest

from app.audit.audited_change import Initiator
from tests.app.cli.conftest import Run
from tests.app.cli.test_process import BIN, environment, flask
from tests.app.cli.test_user_commands import OPERATOR, refused, succeeds
from tests.support.ledger_months import actions_of, month, replace_partitions, score_at
from tests.support.players import Person
from tests.support.servers import ROOT, Stores
from tests.support.services import Services
from tests.support.waiting import await_true, is_lock_awaited

pytestmark = pytest.mark.slow


@pytest.fixture
def ada(services: Services) -> Person:
    """A player with a point in each of the last two months."""
    replace_partitions(services, [month(-2)])
    services.partitions.prepare(Initiator("test", "because"))
    person = Person.register(services, "Ada")
    score_at(services, person, [month(ago) + timedelta(days=3) for ago in (-2, -1)])
    return person


def before(ago: int) -> str:
    return f"{month(ago):%Y-%m}"


def test_the_months_are_listed_with_their_bounds(run: Run, services: Services) -> None:
    heading, first, *rest = succeeds(run, "ledger", "partitions", "list").splitlines()
    assert heading.split()[:4] == ["PARTITION", "FROM", "UP", "TO"]
    edge = month(2)
    assert first.split()[:3] == [f"actions_before_{edge:%Y_%m}", "-", f"{edge:%Y-%m-%d}"]
    assert rest[0].split()[:3] == [
        f"actions_{edge:%Y_%m}", f"{edge:%Y-%m-%d}", f"{month(3):%Y-%m-%d}",
    ]  # fmt: skip
    assert len(rest) == 2


def test_preparing_lists_the_new_partitions_and_can_be_repeated(
    run: Run, services: Services
) -> None:
    output = succeeds(run, "ledger", "partitions", "prepare", "--months", "4")
    assert output == f"Prepared actions_{month(4):%Y_%m}\n"
    output = succeeds(run, "ledger", "partitions", "prepare", "--months", "4")
    assert output == "All months are prepared\n"


def test_detaching_lists_the_tables_and_is_audited(
    run: Run, services: Services, ada: Person
) -> None:
    words = ("ledger", "partitions", "detach", "--before", before(-1), "--reason", "disk")
    tables = f"actions_part_0_detached, actions_{month(-2):%Y_%m}_detached"
    assert succeeds(run, *words) == f"Detached {tables}; 1 users got an action with their total\n"
    assert succeeds(run, *words) == f"There is nothing to detach before {before(-1)}\n"
    entry = services.moderation_reads.audit(limit=1)[0]
    assert (entry.actor, entry.act, entry.reason) == (OPERATOR, "detach-partitions", "disk")


def test_a_month_that_cannot_be_detached_is_a_one_line_error(run: Run, ada: Person) -> None:
    message = refused(run, "ledger", "partitions", "detach", "--before", before(1))
    assert message.startswith(f"Tokens of the months before {before(1)} may still be counted; they")
    for word in ("2026", "2026-13", "2026-1-1", "soon", ""):
        result = run("ledger", "partitions", "detach", "--before", word)
        assert result.exit_code == 2
        assert f"{word!r} is not a month such as 2026-09" in result.stderr


@pytest.mark.slow
def test_a_command_killed_half_way_has_done_nothing_and_can_be_run_again(
    services: Services, stores: Stores, ada: Person
) -> None:
    services.reconciler.run_pass()
    words = ("ledger", "partitions", "detach", "--before", before(-1))
    reader = psycopg2.connect(stores.database_url)
    # The command has written the sums and now waits for this lock.
    reader.cursor().execute("LOCK TABLE actions IN ACCESS SHARE MODE")
    command = subprocess.Popen([BIN / "flask", *words], cwd=ROOT, env=environment(stores))
    try:
        await_true(lambda: is_lock_awaited(stores.database_url), 30)
    finally:
        command.send_signal(signal.SIGKILL)
        command.wait()
    assert services.ledger_check.verify().sound
    assert len(actions_of(services, ada)) == 2
    reader.close()
    again = flask(*words, variables=environment(stores))
    assert (again.returncode, again.stdout[:8]) == (0, "Detached"), again.stderr
    here = f"actions_{month(-1):%Y_%m}"
    assert actions_of(services, ada) == [(here, 1, 1), (here, 1, 2)]
    assert services.ledger_check.verify().sound
