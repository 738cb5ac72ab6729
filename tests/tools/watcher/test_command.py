"""The messages of tools/watch.py for wrong usage, wrong addresses and refused logins."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.system.harness import SystemHarness, free_ports
from tests.tools.scoreboard_stub import StubScoreboard
from tools.watcher.address import WatchFailed, parse_address
from tools.watcher.command import FAILED, USAGE, main

RunCommand = Callable[..., tuple[int, str]]


@pytest.fixture
def run_command(capsys: pytest.CaptureFixture[str]) -> RunCommand:
    """Runs the command; returns its exit status and what it wrote to stderr."""

    def run(*words: str) -> tuple[int, str]:
        return main(words), capsys.readouterr().err

    return run


def test_a_websocket_address_is_used_as_it_is() -> None:
    assert parse_address("ws://scores.example:8001").websocket == "ws://scores.example:8001/ws"
    assert parse_address("wss://scores.example/live").websocket == "wss://scores.example/live"


@pytest.mark.parametrize("url", ["ftp://scores.example", "http://", "ws://", "http://[::1"])
def test_an_address_without_host_or_with_another_scheme_is_refused(url: str) -> None:
    with pytest.raises(WatchFailed, match=r"is not an (http, https, ws or wss )?address"):
        parse_address(url)


def test_wrong_usage_is_reported_in_one_line(
    run_command: RunCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SCOREBOARD_TOKEN", raising=False)
    websocket = "ws://127.0.0.1:1/ws"
    status, error = run_command(websocket, "--token", "t")
    assert (status, error) == (USAGE, "stdout is not a terminal: use --json\n")
    status, error = run_command(websocket, "--json")
    assert (status, error) == (USAGE, "use --token, --username or SCOREBOARD_TOKEN\n")
    status, error = run_command(websocket, "--json", "--username", "ada")
    assert status == USAGE
    assert error.startswith("to log in, give the site's http address")


def test_an_address_where_nothing_listens_is_reported(run_command: RunCommand) -> None:
    (port,) = free_ports(1)
    status, error = run_command(f"127.0.0.1:{port}", "--json", "--token", "t")
    assert status == FAILED
    assert error.startswith(f"There is no board at http://127.0.0.1:{port}: ")


def test_a_page_that_is_not_a_scoreboard_is_reported(run_command: RunCommand) -> None:
    with StubScoreboard() as stub:
        status, error = run_command(stub.url, "--json", "--token", "t")
    assert status == FAILED
    assert error.startswith(f"There is no board at {stub.url}: ")


def test_a_refused_login_is_reported(
    run_command: RunCommand, running_system: SystemHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCOREBOARD_PASSWORD", "wrong password")
    status, error = run_command(running_system.url, "--json", "--username", "unregistered")
    assert status == FAILED
    assert error.startswith("The login was refused: ")
