"""A board that follows from the messages is the board that PostgreSQL has."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from app.boards.board import Board as BoardRecord
from app.boards.periods import Period
from app.contract import keys
from app.contract.channels import ScoreUpdate, score_update_channel
from app.contract.standings import (
    MAIN_RANKING,
    TOP,
    Board,
    BoardPeriod,
    Ranking,
    Standing,
    ranks_from_top,
)
from app.leaderboard import board_rows
from app.leaderboard import standing_pages as pages
from app.ledger import standing_rows
from app.storage.redis import channel
from tests.support.players import Person
from tests.support.service_acts import OPERATOR, act, count, create_board
from tests.support.services import Services

QUIZ = BoardPeriod("quiz", "all")
ALL_TIME = Ranking("quiz", "all", None)


class Follower:
    """Has the board as a broadcaster has it, and counts how it got each one."""

    def __init__(self, services: Services, ranking: Ranking) -> None:
        self._services = services
        self._ranking = ranking
        self._subscription = services.pubsub_client.pubsub(ignore_subscribe_messages=True)
        name = channel(services.redis, score_update_channel(ranking.watched))
        self._subscription.subscribe(name)
        self.shown = services.rankings.top(ranking.watched)
        self.followed = self.falls_followed = 0

    def close(self) -> None:
        self._subscription.close()

    def catch_up(self) -> Board:
        """The board after all messages of the present version; reads what does not follow."""
        watched = self._ranking.watched
        name = keys.of_ranking(self._ranking).version
        version = int(self._services.redis.hget(name, "version") or 0)
        while self.shown.version.number < version:
            message = self._subscription.get_message(timeout=1)
            if message is None:
                continue  # Redis has confirmed the subscription.
            update = ScoreUpdate.parse(message["data"])
            if update.version <= self.shown.version.number:
                continue  # A change below the top ten, or one that the board has.
            found = None
            if update.delta is not None:
                found = self._services.rankings.follow(watched, self.shown, [update.delta])
                self.followed += found is not None
                self.falls_followed += found is not None and update.delta.top is not None
            self.shown = found or self._services.rankings.top(watched, update.version)
        return self.shown


@pytest.fixture
def follow(services: Services) -> Iterator[Callable[[Ranking], Follower]]:
    made: list[Follower] = []

    def start(ranking: Ranking) -> Follower:
        services.rankings.top(ranking.watched)
        services.reconciler.run_pass()
        made.append(Follower(services, ranking))
        return made[-1]

    yield start
    for each in made:
        each.close()


def stored(services: Services, board: BoardRecord | None) -> list[Standing]:
    """The top ten that PostgreSQL has, of `main` if no board is given."""
    with services.database.reading() as connection:
        found: Any
        if board is None:
            found = board_rows.top(connection, TOP)
            scores = [row.position.score for row in found]
        else:
            found = pages.top(connection, board.id, Period("all", None, "UTC"), TOP)
            scores = [row.score for row in found]
    ranks = ranks_from_top(scores)
    return [
        Standing(rank, row.user_id, row.username, row.display_name, score)
        for rank, row, score in zip(ranks, found, scores, strict=True)
    ]


@pytest.mark.parametrize(
    ("settings", "points", "falls_followed_at_least"),
    [
        ({}, 100, 8),
        ({"min_points": -50}, 50, 25),
        ({"better": "low", "combine": "latest"}, 1_000, 35),
        ({"combine": "latest"}, 6, 35),
    ],
    ids=["sums", "sums that fall", "latest times", "ties"],
)
def test_a_board_that_follows_from_the_messages_is_the_board_that_is_read(
    services: Services,
    follow: Callable[[Ranking], Follower],
    settings: dict[str, Any],
    points: int,
    falls_followed_at_least: int,
) -> None:
    numbers = random.Random(str(settings))
    board = create_board(services, **settings)
    follower = follow(ALL_TIME)
    people = [Person.register(services) for _ in range(17)]
    banned: list[str] = []
    for turn in range(120):
        person, kind = numbers.choice(people), numbers.random()
        if kind < 0.08 and person.user_id not in banned:
            services.moderation.ban(OPERATOR, person.user_id)
            banned.append(person.user_id)
        elif kind < 0.16 and banned:
            services.moderation.unban(OPERATOR, banned.pop())
        elif kind < 0.22:
            services.moderation.rename(
                OPERATOR, person.user_id, display_name=f'"{turn}" ä/\\', username=None
            )
        elif kind < 0.24 and len(people) > 12:
            people.remove(person)
            services.moderation.delete(OPERATOR, person.user_id)
            banned = [each for each in banned if each != person.user_id]
        else:
            several = numbers.sample(people, numbers.choice([1, 1, 1, 2, 4]))
            lowest = settings.get("min_points", 0)
            count(services, *(act(each, numbers.randint(lowest, points)) for each in several))
        shown = follower.catch_up()
        assert list(shown.rows) == stored(services, board)
    assert follower.followed >= 80
    assert follower.falls_followed >= falls_followed_at_least


def test_main_follows_from_the_messages_after_bans_and_points_that_are_taken_back(
    services: Services, follow: Callable[[Ranking], Follower]
) -> None:
    people = [Person.register(services) for _ in range(14)]
    for number, person in enumerate(people):
        person.score(1 + number // 2)
    follower = follow(MAIN_RANKING)
    *cheaters, ada, bob = people
    for turn, person in enumerate(cheaters * 2):
        services.moderation.ban(OPERATOR, person.user_id)
        follower.catch_up()
        if turn % 3 == 0:
            services.moderation.revoke_points(OPERATOR, person.user_id, since=None)
        services.moderation.unban(OPERATOR, person.user_id)
        follower.catch_up()
        (ada, bob)[turn % 2].score(1)
        shown = follower.catch_up()
        assert list(shown.rows) == stored(services, None)
    assert follower.falls_followed > 10


def test_a_player_who_moves_up_has_the_names_of_a_rename_that_was_not_published(
    services: Services, follow: Callable[[Ranking], Follower]
) -> None:
    board = create_board(services)
    people = [Person.register(services) for _ in range(11)]
    count(services, *(act(person, 100 - number) for number, person in enumerate(people)))
    follower = follow(ALL_TIME)
    with services.database.transaction() as connection:
        connection.execute(
            text("UPDATE users SET display_name = 'Renamed' WHERE id = :user_id"),
            {"user_id": people[-1].user_id},
        )
        standing_rows.refresh(connection, people[-1].user_id)
    # It finds the change, but reads no names.
    services.reconciler.run_pass()
    services.moderation.ban(OPERATOR, people[0].user_id)
    shown = follower.catch_up()
    assert shown.rows[-1].display_name == "Renamed"
    assert list(shown.rows) == stored(services, board)


def test_a_board_that_has_a_commit_before_the_index_is_read_after_a_fall(
    services: Services, follow: Callable[[Ranking], Follower]
) -> None:
    board = create_board(services)
    people = [Person.register(services) for _ in range(12)]
    count(services, *(act(person, 100 - number) for number, person in enumerate(people)))
    follower = follow(ALL_TIME)
    with services.database.transaction() as connection:
        connection.execute(
            text(
                "UPDATE standings SET score = 150, order_score = -150, revision = revision + 1"
                " WHERE user_id = :user_id"
            ),
            {"user_id": people[-1].user_id},
        )
    services.redis.delete(keys.of_ranking(ALL_TIME).cached_board)
    follower.shown = services.rankings.top(QUIZ)
    assert follower.shown.rows[0].user_id == people[-1].user_id
    services.moderation.ban(OPERATOR, people[0].user_id)
    assert list(follower.catch_up().rows) == stored(services, board)
    assert follower.falls_followed == 0
