"""The boards that viewers watch: the top ten and the own standings of any board and period."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from app.audit.audited_change import Initiator
from app.contract import keys
from app.contract.channels import ScoreUpdate, score_update_channel
from app.contract.errors import NotFound
from app.contract.standings import MAIN, BoardPeriod, OwnStanding, Ranking
from app.storage.redis import channel
from tests.support.players import Person
from tests.support.service_acts import act, count, create_board
from tests.support.services import Services

QUIZ = BoardPeriod("quiz", "all")
ALL_TIME = Ranking("quiz", "all", None)
OPERATOR = Initiator("operator:test", "a test")


def test_the_top_of_a_board_has_its_best_players(services: Services) -> None:
    create_board(services, periods=("all", "week"))
    ada, bob, eve = (Person.register(services) for _ in range(3))
    count(services, act(ada, 5), act(bob, 9), act(eve, 5))
    board = services.rankings.top(BoardPeriod("quiz", "week"))
    assert [(row.rank, row.user_id, row.score) for row in board.rows] == [
        (1, bob.user_id, 9),
        (2, ada.user_id, 5),
        (2, eve.user_id, 5),
    ]
    assert not board.more
    assert services.rankings.top(QUIZ).rows == board.rows


def test_main_is_the_board_of_flow_7(services: Services) -> None:
    assert services.rankings.top(MAIN) == services.leaderboard.top()


@pytest.mark.parametrize(
    "watched", [BoardPeriod("other", "all"), BoardPeriod("quiz", "day"), BoardPeriod("%", "all")]
)
def test_an_unknown_board_or_period_is_not_found(services: Services, watched: BoardPeriod) -> None:
    create_board(services)
    with pytest.raises(NotFound):
        services.rankings.top(watched)
    with pytest.raises(NotFound):
        services.rankings.own_standings(watched, [])


def test_own_standings_have_the_score_and_the_rank_of_each_user(services: Services) -> None:
    create_board(services, better="low", combine="best")
    ada, bob, eve, ned = (Person.register(services) for _ in range(4))
    count(services, act(ada, 30), act(bob, 0), act(eve, 30))
    found = services.rankings.own_standings(QUIZ, [each.user_id for each in (ada, bob, eve, ned)])
    assert found is not None
    assert found.own == (
        OwnStanding(30, 2),
        OwnStanding(0, 1),
        OwnStanding(30, 2),
        OwnStanding(0, None),
    )


def test_a_board_is_found_as_soon_as_it_exists(services: Services) -> None:
    with pytest.raises(NotFound):
        services.rankings.top(QUIZ)
    create_board(services)
    assert services.rankings.top(QUIZ).rows == ()


def test_a_version_rises_with_each_change_of_the_top_ten_and_only_then(services: Services) -> None:
    create_board(services)
    create_board(services, "other")
    ada = Person.register(services)
    empty = services.rankings.top(QUIZ).version.number
    assert services.rankings.top(QUIZ).version.number == empty
    sent = act(ada, 5)
    count(services, sent)
    scored = services.rankings.top(QUIZ)
    assert scored.version.number > empty
    assert scored.rows[0].score == 5
    count(services, act(ada, 5, "other"), boards=("other",))
    assert services.rankings.top(QUIZ) == scored


def test_the_top_ten_is_read_once_from_postgresql_for_all_processes(
    make_services: Callable[..., Services], services: Services
) -> None:
    create_board(services)
    other = make_services()
    ada = Person.register(services)
    count(services, act(ada, 5))
    first = services.rankings.top(QUIZ)
    with services.database.transaction() as connection:
        connection.execute(text("UPDATE standings SET score = 6"))
    assert other.rankings.top(QUIZ) == first
    stale = first.version.number + 1
    assert other.rankings.top(QUIZ, min_version=stale).rows[0].score == 6


def test_a_version_does_not_decrease_if_redis_loses_it(services: Services) -> None:
    create_board(services)
    services.rankings.top(QUIZ)
    ahead = services.redis.hincrby(keys.of_ranking(ALL_TIME).version, "version", 3_600_000)
    assert services.rankings.top(QUIZ).version.number == ahead
    services.redis.flushall()
    assert services.rankings.top(QUIZ).version.number > ahead


def test_a_change_is_announced_on_the_channel_of_its_board_and_period(services: Services) -> None:
    create_board(services, periods=("all", "day"))
    subscription = services.pubsub_client.pubsub(ignore_subscribe_messages=True)
    names = [
        channel(services.redis, score_update_channel(watched))
        for watched in (QUIZ, BoardPeriod("quiz", "day"), MAIN)
    ]
    subscription.subscribe(*names)
    count(services, act(Person.register(services), 5))
    received = {}
    for _ in range(len(names) + 2):
        message = subscription.get_message(timeout=1)
        if message:
            received[message["channel"]] = ScoreUpdate.parse(message["data"]).version
    subscription.close()
    assert received == {
        names[0]: services.rankings.top(QUIZ).version.number,
        names[1]: services.rankings.top(BoardPeriod("quiz", "day")).version.number,
    }


@pytest.mark.parametrize("act_of_moderator", ["ban", "rename", "delete"])
def test_moderation_reaches_every_board_of_the_player(
    services: Services, act_of_moderator: str
) -> None:
    create_board(services, periods=("all", "week"))
    create_board(services, "other")
    ada = Person.register(services, "ada")
    count(services, act(ada, 5), act(ada, 7, "other"), boards=("quiz", "other"))
    watched = (QUIZ, BoardPeriod("quiz", "week"), BoardPeriod("other", "all"))
    before = [services.rankings.top(each).version.number for each in watched]
    if act_of_moderator == "rename":
        services.moderation.rename(OPERATOR, ada.user_id, display_name="Countess", username=None)
    else:
        getattr(services.moderation, act_of_moderator)(OPERATOR, ada.user_id)
    boards = [services.rankings.top(each) for each in watched]
    assert all(board.version.number > old for board, old in zip(boards, before, strict=True))
    shown = [[row.display_name for row in board.rows] for board in boards]
    assert shown == [["Countess"] if act_of_moderator == "rename" else []] * 3
    if act_of_moderator == "ban":
        services.moderation.unban(OPERATOR, ada.user_id)
        assert all(len(services.rankings.top(each).rows) == 1 for each in watched)


def test_an_act_is_counted_and_ranked_without_redis(
    make_services: Callable[..., Services], services: Services
) -> None:
    create_board(services)
    ada, bob = Person.register(services), Person.register(services)
    count(services, act(ada, 5))
    alone = make_services(REDIS_URL="redis://127.0.0.1:1/0")
    (answer,) = count(alone, act(bob, 3))
    assert (answer["status"], answer["score"], answer["rank"]) == ("counted", 3, 2)
    assert [row.score for row in alone.rankings.top(QUIZ).rows] == [5, 3]


@pytest.mark.parametrize("is_rebuilt", [False, True])
def test_a_board_that_is_read_for_the_first_time_changed_with_its_last_score(
    services: Services, is_rebuilt: bool
) -> None:
    create_board(services)
    ada, bob = Person.register(services), Person.register(services)
    count(services, act(ada, 5), act(bob, 9))
    services.redis.flushdb()
    with services.database.transaction() as connection:
        connection.execute(text("UPDATE standings SET reached_at = 'epoch'"))
    if is_rebuilt:
        services.rankings.top(QUIZ)
        services.reconciler.run_pass()
    # Read from PostgreSQL, and then from Redis.
    for _ in range(2):
        assert services.rankings.top(QUIZ).version.changed_at == 0
    version = services.rankings.top(QUIZ).version
    assert version.updated_at > version.changed_at
    count(services, act(bob, 1))
    assert services.rankings.top(QUIZ).version.changed_at > version.updated_at
