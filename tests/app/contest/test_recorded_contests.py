"""Reveals of recorded contests: each step is the one of the ICPC's rule, to the published table."""

from __future__ import annotations

import csv
from bisect import bisect_left, insort
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import text

from app.contract.viewers.reveals import Move
from tests.app.boards.test_clock import set_times
from tests.support.servers import ROOT
from tests.support.service_acts import OPERATOR, act_id, count, create_board, rows
from tests.support.services import Services

pytestmark = pytest.mark.slow

DATA = ROOT.parent / "shared" / "data"
CALL = 500
"""Acts of one call."""
_PLAYERS = text(
    "INSERT INTO users (id, username, display_name, password_hash)"
    " SELECT gen_random_uuid(), 'p' || number, name, '' FROM"
    " unnest(CAST(:names AS text[])) WITH ORDINALITY AS given (name, number)"
    " RETURNING display_name, id::text"
)

Key = tuple[int, int]
"""What orders the rows: the score, negated, and the number of the act that reached it."""
Place = tuple[int, int] | tuple[None, None]
"""Rank and score."""


@dataclass
class Scoreboard:
    """The rows as a sorted list, in which a reveal climbs from the last row to the first.

    A player without a shown act has a row below those with one, which no viewer sees.
    """

    keys: dict[str, Key] = field(default_factory=dict)
    order: list[tuple[Key, str]] = field(default_factory=list)
    hidden: defaultdict[str, deque[int]] = field(default_factory=lambda: defaultdict(deque))
    position: int = 0
    """Of the row below which nothing is hidden."""

    def score(self, player: str, act: int) -> None:
        """Count a shown act."""
        self._put(player, (self.keys.get(player, (0, 0))[0] - 1, act))

    def hide(self, player: str, act: int) -> None:
        """Count a hidden act."""
        self.hidden[player].append(act)
        if player not in self.keys:
            self._put(player, (0, act))

    def start(self) -> None:
        self.position = len(self.order) - 1

    def reveal(self) -> tuple[str, Place, Place]:
        """The player of the next step, and the places before and after it."""
        while not self.hidden[self.order[self.position][1]]:
            self.position -= 1
        player = self.order[self.position][1]
        before = self.place(player)
        self.score(player, self.hidden[player].popleft())
        return player, before, self.place(player)

    def place(self, player: str) -> Place:
        score = -self.keys[player][0]
        return (bisect_left(self.order, ((-score, 0), "")) + 1, score) if score else (None, None)

    def table(self) -> list[tuple[int, str, int]]:
        """Rank, player and score of each row that is shown."""
        found: list[tuple[int, str, int]] = []
        for number, ((score, _), player) in enumerate(self.order, 1):
            tied = found and found[-1][2] == -score
            found.append((found[-1][0] if tied else number, player, -score))
        return [row for row in found if row[2]]

    def _put(self, player: str, key: Key) -> None:
        if player in self.keys:
            del self.order[bisect_left(self.order, (self.keys[player], player))]
        self.keys[player] = key
        insort(self.order, (key, player))


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def shown_place(rank: int | None, score: int | None) -> Place:
    return (None, None) if rank is None or score is None else (rank, score)


def check_rows(move: Move, table: Sequence[tuple[int, str, int]]) -> None:
    """The rows of a climb are the player's and two on each side."""
    at = next(index for index, row in enumerate(table) if row[1] == move.user_id)
    found = [(row.rank, row.user_id, row.score) for row in move.rows]
    assert found == list(table[max(0, at - 2) : at + 3])


@pytest.mark.skipif(
    not DATA.exists(), reason=f"the recorded events are not in {DATA.name}/ beside the project"
)
@pytest.mark.parametrize(
    ("events", "final", "hidden"),
    [
        ("icpc_online_2023_1.csv", "icpc_online_2023_1.final-recomputed.csv", 174),
        ("wc2022_goals.csv", "wc2022_goals.final.csv", 60),
    ],
)
def test_the_reveal_of_a_recorded_contest_climbs_to_its_published_table(
    services: Services, events: str, final: str, hidden: int
) -> None:
    board = create_board(services)
    acts = [row["player"] for row in read(DATA / events)]
    with services.database.transaction() as connection:
        found = connection.execute(_PLAYERS, {"names": sorted(set(acts))}).all()
    names: dict[str, str] = {user_id: name for name, user_id in found}
    ids = {name: user_id for user_id, name in names.items()}
    model, freeze = Scoreboard(), len(acts) - hidden

    def play(begin: int, end: int) -> None:
        for start in range(begin, end, CALL):
            players = acts[start : min(start + CALL, end)]
            # The acts of a call are counted in the order of their ids.
            act_ids = sorted(act_id() for _ in players)
            answers = count(
                services,
                *(
                    {"id": each, "userId": ids[player], "board": "quiz", "points": 1}
                    for each, player in zip(act_ids, players, strict=True)
                ),
            )
            assert {answer["status"] for answer in answers} == {"counted"}

    def exported() -> list[tuple[int, str, int]]:
        period = services.standings.period(board, None, None)
        return [(r.rank, r.user_id, r.score) for r in services.standings.export(board, period)]

    play(0, freeze)
    set_times(services, freezes_at="now")
    play(freeze, len(acts))
    for number, player in enumerate(acts):
        (model.score if number < freeze else model.hide)(ids[player], number + 1)
    model.start()
    assert exported() == model.table()
    for number in range(1, hidden + 1):
        state = services.reveals.reveal(OPERATOR, "quiz", "act", number)
        (move,) = state.moves
        player, before, after = model.reveal()
        assert move.user_id == player
        assert shown_place(move.from_rank, move.from_score) == before
        assert shown_place(move.to_rank, move.to_score) == after
        assert state.remaining == hidden - number
        table = model.table()
        check_rows(move, table)
        assert rows(services, board) == table[:100]
        if number % 50 == 0 or number == hidden:
            assert exported() == table
    assert state.next is None
    published = {
        (row["rank"], row["player"], row["points"])
        for row in read(DATA / final)
        if row["points"] != "0"
    }
    assert {(str(rank), names[user_id], str(score)) for rank, user_id, score in table} == published
    # One step shows the same.
    for _ in range(60):
        assert services.reveals.undo(OPERATOR, "quiz").remaining
    services.reveals.reveal(OPERATOR, "quiz", "all")
    assert exported() == table
