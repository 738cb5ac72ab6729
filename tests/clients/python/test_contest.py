"""A contest with the Python client: its clock, and the steps of its reveal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from app.contract.standings import moment_text
from clients.python.live_scoreboard_client import Scoreboard
from tests.clients.conftest import FrozenBoard, Judge
from tests.clients.python.recorder import Recorder
from tests.support.service_acts import OPERATOR
from tests.support.services import Services
from tests.support.system.harness import SystemHarness
from tests.support.system.relay import Relay

CLOSE = datetime(2036, 12, 24, tzinfo=UTC)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("has_login", "transport"), [(True, "websocket"), (False, "stream")], ids=["login", "no-login"]
)
def test_a_step_of_a_reveal_arrives_with_its_board(
    running_system: SystemHarness, frozen_board: FrozenBoard, transport: str, *, has_login: bool
) -> None:
    token = running_system.register().access_token if has_login else None
    recorder = Recorder()
    with (
        Scoreboard(running_system.url, token=token) as scoreboard,
        scoreboard.watch(frozen_board.key, **recorder.handlers) as watch,
    ):
        recorder.await_state("live", transport, 10)
        recorder.await_contest("frozen")
        frozen_board.reveal()
        step = recorder.await_reveal()
        recorder.await_contest("frozen", number=1)
        (row,) = watch.wait_for_version(step["version"])["leaderboard"]
    assert step["userId"] == row["userId"] == frozen_board.user_id
    assert (step["fromScore"], step["toScore"], row["score"]) == (10, 15, 15)
    assert (step["remaining"], step["board"]) == (0, frozen_board.key)


@pytest.fixture
def polling(running_system: SystemHarness, broadcaster_relay: Relay) -> Iterator[Scoreboard]:
    """The scoreboard of a viewer whose network lets no event stream through."""
    broadcaster_relay.refuse_streams = True
    url = f"ws://127.0.0.1:{broadcaster_relay.port}/ws"
    with Scoreboard(running_system.url, websocket_url=url) as scoreboard:
        yield scoreboard


def test_a_watch_that_polls_has_the_contest_too(
    polling: Scoreboard, frozen_board: FrozenBoard
) -> None:
    recorder = Recorder()
    with polling.watch(frozen_board.key, **recorder.handlers) as watch:
        recorder.await_contest("frozen")
        assert watch.state.kind == "polling"
        assert watch.contest == recorder.contests[0]
        frozen_board.reveal()
        recorder.await_contest("frozen", number=1)
    assert (recorder.contests[0]["board"], recorder.contests[0]["period"]) == (
        frozen_board.key,
        "all",
    )


def test_a_watch_that_polls_has_no_contest_until_the_board_has_a_clock(
    polling: Scoreboard, judge: Judge, operator: Services
) -> None:
    recorder = Recorder()
    with polling.watch(judge.board, **recorder.handlers) as watch:
        watch.wait_for_version(0)
        operator.boards.edit(OPERATOR, judge.board, times={"closes_at": CLOSE})
        recorder.await_contest("open")
    assert recorder.contests[0]["closesAt"] == moment_text(CLOSE)
