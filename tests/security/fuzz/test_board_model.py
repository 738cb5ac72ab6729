"""The board equals a sort in Python after any sequence of changes by players and operators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from app.audit.audited_change import Initiator
from app.contract.standings import Board
from tests.security.fuzz.effort import sequences
from tests.support.players import PASSWORD, Person
from tests.support.servers import Stores, empty
from tests.support.services import Services

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

OPERATOR = Initiator("operator:test", "because")
ANY = st.integers(0, 99)


@dataclass
class Row:
    """A player in the model."""

    person: Person
    name: str
    score: int = 0
    reached: int = 0
    """The number of the step in which the score was reached."""
    banned: bool = False


class BoardMachine(RuleBasedStateMachine):
    """Some players; after each step the board is read in all ways."""

    services: ClassVar[Services]
    redis_url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self.steps = count(1)

    def teardown(self) -> None:
        for row in self.rows:
            self.services.moderation.delete(OPERATOR, row.person.user_id)

    def expected(self) -> list[tuple[int, str, int]]:
        """Rank, name and score; of equal scores the one reached first comes first."""
        shown = [row for row in self.rows if row.score and not row.banned]
        shown.sort(key=lambda row: (-row.score, row.reached))
        scores = [row.score for row in shown]
        return [(scores.index(row.score) + 1, row.name, row.score) for row in shown]

    @rule(name=st.sampled_from(["Ada", "Žofie", "李", "Ada"]))
    def register(self, name: str) -> None:
        if len(self.rows) < 16:
            self.rows.append(Row(Person.register(self.services, name), name))

    @precondition(lambda self: any(not row.banned for row in self.rows))
    @rule(which=ANY, points=st.integers(1, 3))
    def score(self, which: int, points: int) -> None:
        free = [row for row in self.rows if not row.banned]
        row = free[which % len(free)]
        row.person.score(points)
        row.score += points
        row.reached = next(self.steps)

    @precondition(lambda self: self.rows)
    @rule(which=ANY)
    def take_points_back(self, which: int) -> None:
        row = self.rows[which % len(self.rows)]
        self.services.moderation.revoke_points(OPERATOR, row.person.user_id)
        row.score, row.reached = 0, next(self.steps)

    @precondition(lambda self: self.rows)
    @rule(which=ANY)
    def ban(self, which: int) -> None:
        row = self.rows[which % len(self.rows)]
        self.services.moderation.ban(OPERATOR, row.person.user_id)
        row.banned = True

    @precondition(lambda self: any(row.banned for row in self.rows))
    @rule(which=ANY)
    def unban(self, which: int) -> None:
        banned = [row for row in self.rows if row.banned]
        row = banned[which % len(banned)]
        self.services.moderation.unban(OPERATOR, row.person.user_id)
        login = self.services.accounts.log_in(row.person.username, PASSWORD)
        identity = self.services.verifier.verify(login.tokens.access_token, "access")
        row.person = Person(self.services, row.person.user_id, row.person.username, identity)
        row.banned = False

    @precondition(lambda self: self.rows)
    @rule(which=ANY, name=st.sampled_from(["Bob", "Ünal"]))
    def rename(self, which: int, name: str) -> None:
        row = self.rows[which % len(self.rows)]
        self.services.moderation.rename(
            OPERATOR, row.person.user_id, display_name=name, username=None
        )
        row.name = name

    @precondition(lambda self: self.rows)
    @rule(which=ANY)
    def delete(self, which: int) -> None:
        row = self.rows.pop(which % len(self.rows))
        self.services.moderation.delete(OPERATOR, row.person.user_id)

    @rule()
    def redis_loses_everything(self) -> None:
        empty(self.redis_url)
        self.services.local_board.clear()

    @rule()
    def a_pass_rebuilds_the_index(self) -> None:
        self.services.reconciler.run_pass()

    @invariant()
    def the_board_equals_the_sort(self) -> None:
        expected = self.expected()
        board = self.services.leaderboard.top(10)
        assert read(board) == expected[:10]
        assert read(self.services.leaderboard.top(100)) == expected
        # The same, read page by page.
        paged, page = [], self.services.leaderboard.top(2)
        while page.rows:
            paged += read(page)
            page = self.services.leaderboard.page_after(page.order_keys[-1], 2)
        assert paged == expected

    @precondition(lambda self: self.rows)
    @rule(which=ANY, span=st.integers(0, 3))
    def look_around(self, which: int, span: int) -> None:
        row = self.rows[which % len(self.rows)]
        found = self.services.leaderboard.around(row.person.user_id, span)
        ids = [
            each.person.user_id
            for each in sorted(self.rows, key=lambda each: (-each.score, each.reached))
            if each.score and not each.banned
        ]
        if row.person.user_id not in ids:
            assert found.rows == ()
            return
        at = ids.index(row.person.user_id)
        assert read(found) == self.expected()[max(0, at - span) : at + span + 1]


def read(board: Board) -> list[tuple[int, str, int]]:
    return [(row.rank, row.display_name, row.score) for row in board.rows]


def test_after_any_sequence_of_steps_the_board_is_sorted(
    make_services: Callable[..., Services], stores: Stores
) -> None:
    BoardMachine.services = make_services()
    BoardMachine.redis_url = stores.redis_url
    run(BoardMachine, settings=sequences(8, 30))
