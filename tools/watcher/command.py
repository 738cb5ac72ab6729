"""The command line of tools/watch.py."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Sequence

from rich.console import Console

from clients.python.live_scoreboard_client import RequestFailed, Scoreboard
from tools.startup import discard_output
from tools.watcher.address import Address, WatchFailed, parse_address
from tools.watcher.json_lines import JsonLines, PipeClosed
from tools.watcher.screen import Screen
from tools.watcher.stream import show_board

PERIODS = ("all", "day", "week", "month")
ENDED, FAILED, USAGE = 0, 1, 2
TOKEN_VARIABLE, PASSWORD_VARIABLE = "SCOREBOARD_TOKEN", "SCOREBOARD_PASSWORD"


class _UsageError(Exception):
    """An option is missing."""


def main(arguments: Sequence[str]) -> int:
    """Watch until Ctrl-C; returns the exit status."""
    options = _parser().parse_args(arguments)
    if not options.json and not sys.stdout.isatty():
        print("stdout is not a terminal: use --json", file=sys.stderr)
        return USAGE
    try:
        address = parse_address(options.url)
        with _open(options, address) as scoreboard:
            _watch(scoreboard, options, address)
    except _UsageError as error:
        print(error, file=sys.stderr)
        return USAGE
    except WatchFailed as error:
        print(error, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        pass
    except PipeClosed:
        discard_output()
    return ENDED


def _watch(scoreboard: Scoreboard, options: argparse.Namespace, address: Address) -> None:
    if options.json:
        show_board(scoreboard, options.board, options.period, JsonLines(sys.stdout))
        return
    with Screen(Console(), address.websocket or address.site) as screen:
        show_board(scoreboard, options.board, options.period, screen)


def _open(options: argparse.Namespace, address: Address) -> Scoreboard:
    """The scoreboard with a token or a login; raises WatchFailed."""
    token = options.token or address.token
    if token is None and options.username is None:
        token = os.environ.get(TOKEN_VARIABLE)
    if not token and options.username is None and not sys.stdin.isatty():
        raise _UsageError(f"use --token, --username or {TOKEN_VARIABLE}")
    if not token and address.websocket is not None:
        raise _UsageError("to log in, give the site's http address instead of the WebSocket's")
    scoreboard = Scoreboard(address.site, token=token or None, websocket_url=address.websocket)
    try:
        try:
            scoreboard.broadcaster_address()
        except RequestFailed as error:
            raise WatchFailed(f"There is no board at {address.site}: {error}") from error
        if not token:
            _log_in(scoreboard, options.username)
    except BaseException:
        scoreboard.close()
        raise
    return scoreboard


def _log_in(scoreboard: Scoreboard, given_username: str | None) -> None:
    username = given_username or input("Username: ")
    password = os.environ.get(PASSWORD_VARIABLE) or getpass.getpass(f"Password of {username}: ")
    try:
        scoreboard.login(username, password)
    except RequestFailed as error:
        raise WatchFailed(f"The login was refused: {error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.watch",
        description="Show the board live in a terminal.",
        epilog="Without a token it asks for username and password. The address that"
        " `flask tokens display` printed contains a token.",
    )
    parser.add_argument(
        "url",
        metavar="URL",
        help="the site, such as http://127.0.0.1:8000, or its WebSocket, ws://127.0.0.1:8001/ws",
    )
    login = parser.add_mutually_exclusive_group()
    login.add_argument("--token", help=f"an access or display token; or set {TOKEN_VARIABLE}")
    login.add_argument(
        "--username", help=f"log in; asks for the password unless {PASSWORD_VARIABLE} is set"
    )
    parser.add_argument("--board", default="main", help="its key, if it is not main")
    parser.add_argument("--period", choices=PERIODS, help="if not the board's first")
    parser.add_argument("--json", action="store_true", help="print each frame as a line of JSON")
    return parser
