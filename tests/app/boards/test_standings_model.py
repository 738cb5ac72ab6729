"""Standings equal those of a plain model, for each way to combine acts and each order."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.boards.board import BETTER, COMBINE, MAX_POINTS, Better, Combine
from app.contract.standings import BoardPeriod
from tests.support.players import Person
from tests.support.service_acts import OPERATOR, act, count, create_board, rows, zone_at_noon
from tests.support.services import Services

PLAYERS = 4
# Few values, so that ties and repetitions of a score are common, and the bounds.
POINTS = st.sampled_from([-MAX_POINTS, -2, -1, 0, 0, 1, 1, 2, 3, MAX_POINTS])
MODERATION = st.sampled_from(
    ["ban", "unban", "rename", "delete", "take back 1", "take back 4", "take back all"]
)
STEPS = st.lists(
    st.tuples(st.integers(0, PLAYERS - 1), st.one_of(POINTS, MODERATION)), min_size=10, max_size=25
)
_keys = itertools.count()


@dataclass
class ModelBoard:
    """What a board has to show, from lists of acts."""

    better: Better
    combine: Combine
    acts: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    """(number of the act, points) by player."""
    banned: set[int] = field(default_factory=set)

    def take_back(self, player: int, first: int) -> None:
        """Forget the player's acts from that number on."""
        kept = [act for act in self.acts.get(player, ()) if act[0] < first]
        self.acts.pop(player, None)
        if kept:
            self.acts[player] = kept

    def delete(self, player: int) -> None:
        """Forget the player, whose number a new one gets."""
        self.acts.pop(player, None)
        self.banned.discard(player)

    def standings(self) -> list[tuple[int, int, int]]:
        """(rank, player, score) from the top."""
        found = []
        for player, acts in self.acts.items():
            score, reached = self._score(acts)
            no_score = score == 0 and self.combine == "sum" and self.better == "high"
            if player not in self.banned and not no_score:
                found.append((-score if self.better == "high" else score, reached, player, score))
        found.sort()
        return [
            (1 + sum(other[0] < order for other in found), player, score)
            for order, _, player, score in found
        ]

    def _score(self, acts: list[tuple[int, int]]) -> tuple[int, int]:
        """The score, and the number of the act since which the player has it."""
        scores: list[int] = []
        for _, points in acts:
            if not scores or self.combine == "latest":
                scores.append(points)
            elif self.combine == "sum":
                scores.append(scores[-1] + points)
            else:
                scores.append((max if self.better == "high" else min)(scores[-1], points))
        since = len(scores) - 1
        while since > 0 and scores[since - 1] == scores[since]:
            since -= 1
        return scores[-1], acts[since][0]


@pytest.mark.slow
@pytest.mark.parametrize(("better", "combine"), list(itertools.product(BETTER, COMBINE)))
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_standings_equal_the_model(
    services: Services, better: Better, combine: Combine, steps: list[tuple[int, int | str]]
) -> None:
    key = f"model-{next(_keys)}"
    board = create_board(
        services,
        key,
        better=better,
        combine=combine,
        min_points=-MAX_POINTS,
        max_points=MAX_POINTS,
        periods=("all", "day"),
        time_zone=zone_at_noon(),
    )
    people = [Person.register(services) for _ in range(PLAYERS)]
    model = ModelBoard(better, combine)
    began_at: list[datetime] = []
    for number, (player, step) in enumerate(steps):
        user_id = people[player].user_id
        began_at.append(datetime.now(UTC))
        if step == "ban":
            services.moderation.ban(OPERATOR, user_id)
            model.banned.add(player)
        elif step == "unban":
            services.moderation.unban(OPERATOR, user_id)
            model.banned.discard(player)
        elif step == "rename":
            services.moderation.rename(OPERATOR, user_id, display_name="Other", username=None)
        elif step == "delete":
            services.moderation.delete(OPERATOR, user_id)
            model.delete(player)
            people[player] = Person.register(services)
        elif isinstance(step, str):
            _, _, steps_back = step.rpartition(" ")
            first = 0 if steps_back == "all" else max(0, number - int(steps_back))
            since = None if steps_back == "all" else began_at[first]
            services.moderation.revoke_points(OPERATOR, user_id, since, key)
            model.take_back(player, first)
        else:
            (answer,) = count(services, act(people[player], step, key), boards=(key,))
            expected = "banned" if player in model.banned else "counted"
            assert answer["status"] == expected
            if expected == "counted":
                model.acts.setdefault(player, []).append((number, step))
        names = {person.user_id: index for index, person in enumerate(people)}
        for kind in board.settings.periods:
            found = [
                (rank, names[user], score) for rank, user, score in rows(services, board, kind)
            ]
            assert found == model.standings()
            shown = services.rankings.top(BoardPeriod(key, kind)).rows
            assert [(row.rank, names[row.user_id], row.score) for row in shown] == found
    assert services.ledger_check.verify().sound


def test_a_sum_beyond_what_the_index_can_hold_is_out_of_range(services: Services) -> None:
    board = create_board(services, min_points=-MAX_POINTS, max_points=MAX_POINTS)
    person = Person.register(services)
    limit = 2**53 - 1
    count(services, act(person, MAX_POINTS))
    with services.database.transaction() as connection:
        connection.exec_driver_sql(f"UPDATE standings SET score = {limit - 1}")
    assert [answer["status"] for answer in count(services, act(person, 2), act(person, 1))] == [
        "out_of_range",
        "counted",
    ]
    assert rows(services, board) == [(1, person.user_id, limit)]
