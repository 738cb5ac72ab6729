"""tools/watch.py against servers that do what the real one can't be made to, and its refusals."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from tests.system.running import free_ports
from tests.tools.scoreboard_stub import StubScoreboard
from tools.watching import stream
from tools.watching.address import WatchingFailed, find
from tools.watching.command import REFUSED, USAGE, main
from tools.watching.stream import Stream
from tools.watching.tokens import GivenToken, LoginTokens


class Enough(Exception):
    """The test has seen what it wanted."""


class Seen:
    """A view that keeps what it was shown and ends after so many boards or tries."""

    def __init__(self, boards: int, tries: int = 1000) -> None:
        self.versions: list[int] = []
        self.pauses: list[float] = []
        self._boards, self._tries = boards, tries

    def frame(self, message: dict[str, Any]) -> None:
        if message["event"] == "leaderboard_update":
            self.versions.append(message["data"]["version"])
            if len(self.versions) == self._boards:
                raise Enough

    def away(self, cause: str, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) == self._tries:
            raise Enough

    def idle(self) -> None:
        """Nothing to do."""


def board(version: int) -> str:
    data = {"version": version, "updatedAt": "2026-11-24T00:00:00.000Z", "leaderboard": []}
    return json.dumps({"event": "leaderboard_update", "data": data})


def goodbye(milliseconds: int | None) -> str:
    data = {"reason": "shutting_down", "reconnectInMs": milliseconds}
    return json.dumps({"event": "disconnect", "data": data})


@contextmanager
def broadcaster(*visits: list[str], status: HTTPStatus | None = None) -> Iterator[str]:
    """A WebSocket server that sends each visitor the next list of frames, then closes."""
    waiting = iter(visits)

    def visit(socket: ServerConnection) -> None:
        for frame in next(waiting):
            socket.send(frame)

    def answer(socket: ServerConnection, request: Request) -> Response | None:
        return None if status is None else socket.respond(status, "no")

    with serve(visit, "127.0.0.1", 0, process_request=answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/ws"
        server.shutdown()
        thread.join()


def watch(url: str, seen: Seen) -> Seen:
    with pytest.raises(Enough):
        Stream(url, GivenToken("t"), seen).run()
    return seen


def test_an_older_board_never_follows_a_newer_one() -> None:
    visits = ([board(5), board(7), board(6), goodbye(0)], [board(3), board(7), board(8)])
    with broadcaster(*visits) as url:
        assert watch(url, Seen(boards=4)).versions == [5, 7, 7, 8]


def test_the_servers_delay_is_kept_to() -> None:
    with broadcaster([board(1), goodbye(120)], [board(2)]) as url:
        assert watch(url, Seen(boards=2)).pauses == [0.12]


def test_without_a_delay_the_pauses_grow_and_differ_by_chance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(stream, "LONGEST_PAUSE", 0.08)
    (port,) = free_ports(1)
    for _ in range(2):
        pauses = watch(f"ws://127.0.0.1:{port}/ws", Seen(boards=1, tries=6)).pauses
        for pause, most in zip(pauses, (0.01, 0.02, 0.04, 0.08, 0.08, 0.08), strict=True):
            assert most / 2 <= pause <= most
        assert len(set(pauses)) == 6


def test_a_goodbye_for_good_is_one() -> None:
    with (
        broadcaster([board(1), goodbye(None)]) as url,
        pytest.raises(WatchingFailed, match="closed for good: shutting_down"),
    ):
        Stream(url, GivenToken("t"), Seen(boards=9)).run()


@pytest.mark.parametrize("status", [HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN])
def test_a_token_that_is_refused_is_not_shown_again(status: HTTPStatus) -> None:
    with (
        broadcaster(status=status) as url,
        pytest.raises(WatchingFailed, match="won't let us watch"),
    ):
        Stream(url, GivenToken("t"), Seen(boards=1)).run()


def test_a_server_in_trouble_is_asked_again() -> None:
    with broadcaster(status=HTTPStatus.SERVICE_UNAVAILABLE) as url:
        assert len(watch(url, Seen(boards=1, tries=2)).pauses) == 2


def test_a_websocket_address_is_taken_as_it_is() -> None:
    assert find("ws://scores.example:8001").websocket == "ws://scores.example:8001/ws"
    assert find("wss://scores.example/live").websocket == "wss://scores.example/live"


@pytest.mark.parametrize("url", ["ftp://scores.example", "http://", "ws://"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(WatchingFailed, match="is no http, https, ws or wss address"):
        find(url)


Told = Callable[..., tuple[int, str]]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """The exit status of the command and what it says on stderr."""

    def run(*words: str) -> tuple[int, str]:
        return main(words), capsys.readouterr().err

    return run


def test_what_it_can_not_do_is_said_in_a_line(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCOREBOARD_TOKEN", raising=False)
    websocket = "ws://127.0.0.1:1/ws"
    assert told(websocket, "--token", "t") == (USAGE, "stdout is no terminal: say --json\n")
    status, said = told(websocket, "--json")
    assert (status, said) == (USAGE, "say --token, --username or SCOREBOARD_TOKEN\n")
    status, said = told(websocket, "--json", "--username", "ada")
    assert status == USAGE
    assert said.startswith("to log in, say the site's http address")
    (port,) = free_ports(1)
    status, said = told(f"127.0.0.1:{port}", "--json", "--token", "t")
    assert status == REFUSED
    assert said.startswith(f"There is no board at http://127.0.0.1:{port}: ")


def test_a_page_that_is_no_scoreboards_is_said_to_be_none(told: Told) -> None:
    with StubScoreboard() as stub:
        status, said = told(stub.url, "--json", "--token", "t")
    assert status == REFUSED
    assert "no board at" in said or "not a live scoreboard's" in said


def test_a_refused_login_is_said() -> None:
    with StubScoreboard() as stub, pytest.raises(WatchingFailed, match="The login was refused: "):
        LoginTokens(stub.url, "nobody", "wrong password")
