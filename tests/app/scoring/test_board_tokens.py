"""Action tokens of boards beside `main`: one point on that board, counted once."""

from __future__ import annotations

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from app.boards.board import Board
from app.boards.periods import period_at
from app.contract.channels import ScoreUpdate, score_update_channel
from app.contract.errors import (
    BoardNotOpen,
    DomainError,
    Forbidden,
    NotFound,
    RateLimited,
    TokenInvalid,
    TokenUsed,
)
from app.contract.standings import BoardPeriod
from app.leaderboard.board_standings import BoardStandings
from app.leaderboard.publication import BoardPublisher
from app.scoring.action_tokens import ActionToken, ActionTokenCodec
from app.storage.redis import channel
from tests.app.scoring.spendings import spend_batch
from tests.support.players import Person
from tests.support.service_acts import OPERATOR, create_board, rows
from tests.support.services import Services


def arena(services: Services, **settings: object) -> Board:
    """A board that players score on."""
    given = {"scored_by": "players", "min_points": 1, "max_points": 1} | settings
    return create_board(services, "arena", **given)


def increment(person: Person, token: str) -> str:
    """ "counted", or the code of the refusal."""
    try:
        person.services.scoring.increment(person.identity, token)
    except DomainError as error:
        return error.code
    return "counted"


def test_a_point_counts_on_the_board_of_its_token_and_on_no_other(services: Services) -> None:
    board = arena(services, periods=("week", "all"))
    ada, bob = Person.register(services), Person.register(services)
    bob.score(board="arena")
    outcome = ada.score(2, board="arena")
    assert (outcome.score, outcome.rank) == (2, 1)
    assert rows(services, board) == [(1, ada.user_id, 2), (2, bob.user_id, 1)]
    assert services.leaderboard.top().rows == ()
    assert services.moderation_reads.user(ada.user_id).score == 0
    assert services.ledger_check.verify().sound


def test_the_reply_has_the_version_that_shows_the_point(services: Services) -> None:
    board = arena(services)
    person = Person.register(services)
    version = person.score(board="arena").board_version
    assert version
    shown = services.standings.top(board, services.standings.period(board, None, None), 10, version)
    assert [(row.user_id, row.score) for row in shown.rows] == [(person.user_id, 1)]
    assert (shown.version or 0) >= version


def test_a_token_of_a_board_spent_at_the_same_time_counts_once(services: Services) -> None:
    board = arena(services, periods=("all", "day"))
    person = Person.register(services)
    token = person.token("arena")
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: increment(person, token), range(8)))
    assert sorted(results) == ["TOKEN_USED"] * 7 + ["counted"]
    person.score(board="arena")
    with pytest.raises(TokenUsed) as refusal:
        services.scoring.increment(person.identity, token)
    assert (refusal.value.details or {})["newScore"] == 1
    assert rows(services, board) == [(1, person.user_id, 2)]
    assert services.ledger_check.verify().sound


def test_a_point_in_a_batch_announces_the_names_of_its_player(services: Services) -> None:
    arena(services)
    watched = BoardPeriod("arena", "all")
    services.rankings.top(watched)
    services.reconciler.run_pass()
    person = Person.register(services)
    with services.redis.pubsub() as listening:
        listening.subscribe(channel(services.redis, score_update_channel(watched)))
        assert listening.get_message(timeout=5)["type"] == "subscribe"
        spend_batch([(person, person.token("arena"))])
        announced = ScoreUpdate.parse(listening.get_message(timeout=5)["data"])
    assert announced.delta is not None
    (row,) = announced.delta.rows
    assert (row.user_id, row.username, row.display_name) == (
        person.user_id, person.username, "Player",
    )  # fmt: skip


def test_only_boards_that_are_open_to_players_have_tokens(services: Services) -> None:
    create_board(services, "quiz")
    arena(services)
    services.boards.archive(OPERATOR, "arena")
    person = Person.register(services)
    for board, error in (("quiz", Forbidden), ("arena", BoardNotOpen), ("none", NotFound)):
        with pytest.raises(error):
            person.token(board)


def test_refused_requests_for_tokens_are_limited(make_services: Callable[..., Services]) -> None:
    services = make_services(FRAUD_RAPID_MAX="5")
    person = Person.register(services)
    for _ in range(6):
        with pytest.raises(NotFound):
            person.token("none")
    assert services.moderation_reads.user(person.user_id).status == "flagged"


def test_limits_are_of_the_player_and_not_of_the_board(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(TOKEN_LIMIT="3 per minute", FRAUD_RAPID_MAX="100")
    arena(services)
    person = Person.register(services)
    for board in ("main", "arena", "arena"):
        person.token(board)
    with pytest.raises(RateLimited):
        person.token("arena")


def test_an_archived_board_counts_no_token_but_answers_those_that_it_counted(
    services: Services,
) -> None:
    board = arena(services)
    person = Person.register(services)
    spent, unspent = person.token("arena"), person.token("arena")
    assert increment(person, spent) == "counted"
    services.boards.archive(OPERATOR, "arena")
    assert increment(person, unspent) == "BOARD_NOT_OPEN"
    assert increment(person, spent) == "TOKEN_USED"
    assert rows(services, board) == [(1, person.user_id, 1)]


def test_a_ban_removes_the_player_from_the_board(services: Services) -> None:
    board = arena(services)
    person = Person.register(services)
    token = person.token("arena")
    person.score(board="arena")
    services.moderation.ban(OPERATOR, person.user_id)
    assert increment(person, token) == "USER_BANNED"
    assert rows(services, board) == []


def test_the_board_is_part_of_the_signed_payload_except_for_main() -> None:
    codec = ActionTokenCodec(b"a secret of the test")
    token = ActionToken("0" * 36, 1_700_000_000_000, "ab" * 16, "arena")
    text = codec.encode(token)
    payload = base64.urlsafe_b64decode(text.split(".")[0] + "==")
    assert payload.decode() == f"{token.user_id}:{token.issued_at}:{token.nonce}:arena"
    assert codec.decode(text, token.user_id) == token
    plain = codec.encode(token._replace(board="main"))
    assert base64.urlsafe_b64decode(plain.split(".")[0] + "==").count(b":") == 2
    assert codec.decode(plain, token.user_id).board == "main"


@pytest.mark.parametrize("board", ["arena2", "main", "", "Arena"])
def test_a_token_whose_board_was_changed_is_invalid(board: str) -> None:
    codec = ActionTokenCodec(b"a secret of the test")
    text = codec.encode(ActionToken("0" * 36, 1_700_000_000_000, "ab" * 16, "arena"))
    payload, _, signature = text.partition(".")
    changed = base64.urlsafe_b64decode(payload + "==").replace(b"arena", board.encode())
    forged = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
    with pytest.raises(TokenInvalid):
        codec.decode(f"{forged}.{signature}", "0" * 36)


@pytest.mark.parametrize("days", [1, -1])
def test_a_point_at_the_end_of_a_period_has_the_score_of_the_period_that_counted_it(
    services: Services, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    """The process computes another day than PostgreSQL did a moment before."""
    arena(services, periods=("day",))
    ada, bob = Person.register(services), Person.register(services)
    ada.score(3, board="arena")
    bob.score(2, board="arena")
    moment = datetime.now(UTC) + timedelta(days=days)
    monkeypatch.setattr(BoardStandings, "period", lambda *_: period_at("day", "UTC", moment))
    outcome = bob.score(board="arena")
    assert (outcome.score, outcome.rank) == (3, 1)
    outcome = bob.score(board="arena")
    assert (outcome.score, outcome.rank) == (4, 1)
    assert (ada.score(board="arena").score, ada.score(board="arena").rank) == (4, 1)
    # Without Redis the rank is counted in PostgreSQL.
    monkeypatch.setattr(BoardPublisher, "publish_point", lambda *_: None)
    outcome = Person.register(services).score(board="arena")
    assert (outcome.score, outcome.rank) == (1, 3)
