"""A reveal while everything is killed in turn: no step is lost, made twice or shown early."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.faults.harness import workers_of
from tests.support.faults.viewers import ReconnectingViewers
from tests.support.players import Person
from tests.support.servers import Stores, migrate, store_folder
from tests.support.service_acts import OPERATOR, act, count, create_board
from tests.support.services import Services, services_in
from tests.support.system.harness import SystemHarness, await_health
from tests.support.system.player import PASSWORD
from tests.support.waiting import await_true
from tools.local.embedded import EmbeddedPostgres, EmbeddedValkey

pytestmark = pytest.mark.slow

PLAYERS, VIEWERS = 12, 300
RECOVERY_SECONDS = 60.0
"""Not promised; a limit for a busy test machine."""
SHOWN_SECONDS = 1.0
"""Promised: from the reply to a step until it is on every screen."""

UNFINISHED = {"DB_ERROR", "REDIS_UNAVAILABLE", "SERVER_BUSY"}

Top = list[tuple[int, str, int]]


@dataclass
class RevealHarness:
    """A frozen board with two hidden acts of each player, and viewers that watch it."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    system: SystemHarness
    audience: ReconnectingViewers
    players: list[str]
    headers: dict[str, str]
    step: int = 0
    shown: list[Top] = field(default_factory=list)
    """The top ten after each step."""

    def call(self, path: str, body: dict[str, Any], process: int = 0) -> dict[str, Any] | None:
        """The reply of one API process; None if the fault has kept it from answering."""
        url = f"{self.system.urls[process]}/api/admin/boards/quiz/{path}"
        try:
            reply = requests.post(url, json=body, headers=self.headers, timeout=15)
        except requests.RequestException:
            return None
        assert reply.ok or reply.json()["code"] in UNFINISHED, reply.text
        found: dict[str, Any] = reply.json()
        return found if reply.ok else None

    def answered(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The first reply of an API process to the call, which is repeated until then."""
        replies: list[dict[str, Any] | None] = []

        def ask() -> bool:
            replies.append(self.call(path, body, len(replies) % 2))
            return replies[-1] is not None

        await_true(ask, RECOVERY_SECONDS)
        assert replies[-1] is not None
        return replies[-1]

    def expected(self) -> Top:
        """The top ten after the steps so far: the lowest player climbs to the top each time."""
        scores = {
            player: 10 + number + 1000 * sum(made % PLAYERS == number for made in range(self.step))
            for number, player in enumerate(self.players)
        }
        order = sorted(scores.items(), key=lambda row: -row[1])
        return [(rank, player, score) for rank, (player, score) in enumerate(order[:10], 1)]

    def check_step(self, state: dict[str, Any], seconds: float) -> None:
        """The state is that after the step, and every viewer sees it in time."""
        assert (state["number"], state["remaining"]) == (self.step, 2 * PLAYERS - self.step)
        self.check_shown(self.expected(), seconds)
        self.shown.append(self.expected())

    def check_shown(self, top: Top, seconds: float) -> None:
        await_true(lambda: self.audience.shows(top), seconds)
        assert self.audience.complaints() == set()

    def reveal(self) -> None:
        """One step without a fault."""
        self.step += 1
        state = self.call("reveal", {"number": self.step})
        assert state is not None
        assert state["moves"][0]["userId"] == self.players[(self.step - 1) % PLAYERS]
        self.check_step(state, SHOWN_SECONDS)

    def reveal_during(self, fault: Callable[[], None]) -> None:
        """One step while the fault happens, repeated by its number until it is answered."""
        self.step += 1
        first = threading.Thread(target=self.call, args=("reveal", {"number": self.step}))
        first.start()
        fault()
        first.join()
        self.check_step(self.answered("reveal", {"number": self.step}), RECOVERY_SECONDS)

    def kill_apis(self) -> None:
        for master in self.system.web[:2]:
            for worker in workers_of(master.pid):
                worker.kill()

    def kill_broadcaster(self) -> None:
        self.system.broadcasters[-1].kill()
        self.system.broadcasters[-1].wait()
        self.system.start_broadcaster(self.system.broadcaster_port)
        await_health(f"http://127.0.0.1:{self.system.broadcaster_port}")

    def kill(self, server: EmbeddedPostgres | EmbeddedValkey) -> None:
        server.kill()
        server.start()


def prepare(services: Services) -> tuple[list[str], dict[str, str]]:
    """The players from the lowest shown score on, and the headers of an admin."""
    create_board(services, max_points=1000)
    people = [Person.register(services) for _ in range(PLAYERS)]
    count(services, *(act(person, 10 + number) for number, person in enumerate(people)))
    services.boards.edit(OPERATOR, "quiz", times={"freezes_at": "now"})
    for _ in range(2):
        count(services, *(act(person, 1000) for person in people))
    admin = people[0]
    services.moderation.set_role(OPERATOR, admin.user_id, "admin")
    token = services.accounts.log_in(admin.username, PASSWORD).tokens.access_token
    return [person.user_id for person in people], {"Authorization": f"Bearer {token}"}


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[RevealHarness]:
    with (
        store_folder() as folder,
        EmbeddedPostgres(folder / "postgres") as postgres,
        EmbeddedValkey(folder / "valkey") as valkey,
    ):
        migrate(postgres.url)
        with SystemHarness(Stores(postgres.url, valkey.url), tmp_path, web_processes=2) as system:
            with services_in(system.environment()) as services:
                players, headers = prepare(services)
            token = headers["Authorization"].removeprefix("Bearer ")
            url = f"{system.websocket_url}?board=quiz"
            with ReconnectingViewers(url, [token] * VIEWERS) as audience:
                found = RevealHarness(postgres, valkey, system, audience, players, headers)
                found.check_shown(found.expected(), RECOVERY_SECONDS)
                found.shown.append(found.expected())
                yield found


def test_a_reveal_continues_after_each_process_and_store_was_killed(
    harness: RevealHarness,
) -> None:
    faults = (
        harness.kill_apis,
        harness.kill_broadcaster,
        partial(harness.kill, harness.valkey),
        partial(harness.kill, harness.postgres),
    )
    harness.reveal()
    for fault in faults:
        harness.reveal_during(fault)
    press_at_once(harness)
    harness.reveal()
    # Each step back shows exactly what was there before it.
    for number in range(harness.step, 0, -1):
        state = harness.answered("reveal/undo", {"number": number})
        assert state["number"] == number - 1
        harness.check_shown(harness.shown[number - 1], RECOVERY_SECONDS)
    with services_in(harness.system.environment()) as services:
        assert services.ledger_check.verify().boards == ()
        audited = [entry.act for entry in services.moderation_reads.audit(limit=100)]
    assert audited.count("reveal") == audited.count("undo-reveal") == harness.step


def press_at_once(harness: RevealHarness) -> None:
    """Two operators press at different API processes; one step is made."""
    for url in harness.system.urls[:2]:
        await_health(url)
    harness.step += 1
    barrier = threading.Barrier(2)
    states: list[dict[str, Any] | None] = []

    def press(process: int) -> None:
        barrier.wait()
        states.append(harness.call("reveal", {"number": harness.step}, process))

    threads = [threading.Thread(target=press, args=(process,)) for process in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [state for state in states if state is not None]
    assert sorted(len(state["moves"]) for state in made) == [0, 1]
    harness.check_step(made[0], SHOWN_SECONDS)
