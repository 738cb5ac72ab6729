"""The command line of tools/watch.py."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Sequence

import requests
from rich.console import Console

from tools.startup import discard_output
from tools.watcher.address import Address, WatchFailed, resolve_address
from tools.watcher.json_lines import JsonLines, PipeClosed
from tools.watcher.screen import Screen
from tools.watcher.stream import BoardStream
from tools.watcher.tokens import GivenToken, LoginTokens, TokenSource

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
        address = resolve_address(options.url).watching(options.board, options.period)
        _watch(address, _token_source(options, address), as_json=options.json)
    except _UsageError as error:
        print(error, file=sys.stderr)
        return USAGE
    except (WatchFailed, requests.RequestException) as error:
        print(error, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        pass
    except PipeClosed:
        discard_output()
    return ENDED


def _watch(address: Address, tokens: TokenSource, *, as_json: bool) -> None:
    if as_json:
        BoardStream(address.websocket, tokens, JsonLines(sys.stdout)).run()
        return
    with Screen(Console(), address.site or address.websocket) as screen:
        BoardStream(address.websocket, tokens, screen).run()


def _token_source(options: argparse.Namespace, address: Address) -> TokenSource:
    token = options.token or address.token
    if token is None and options.username is None:
        token = os.environ.get(TOKEN_VARIABLE)
    if token:
        return GivenToken(token)
    if options.username is None and not sys.stdin.isatty():
        raise _UsageError(f"use --token, --username or {TOKEN_VARIABLE}")
    if address.site is None:
        raise _UsageError("to log in, give the site's http address instead of the WebSocket's")
    username = options.username or input("Username: ")
    password = os.environ.get(PASSWORD_VARIABLE) or getpass.getpass(f"Password of {username}: ")
    return LoginTokens(address.site, username, password)


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
    parser.add_argument("--board", help="its key, if it is not main")
    parser.add_argument("--period", choices=PERIODS, help="if not the board's first")
    parser.add_argument("--json", action="store_true", help="print each frame as a line of JSON")
    return parser
