"""The command line of tools/watch.py."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Sequence

import requests
from rich.console import Console

from tools.watching.address import Address, WatchingFailed, find
from tools.watching.lines import JsonLines, PipeClosed
from tools.watching.screen import Screen
from tools.watching.stream import Stream
from tools.watching.tokens import GivenToken, LoginTokens, Tokens

ENDED, REFUSED, USAGE = 0, 1, 2
TOKEN_VARIABLE, PASSWORD_VARIABLE = "SCOREBOARD_TOKEN", "SCOREBOARD_PASSWORD"


class _Unusable(Exception):
    """The command was given too little to begin."""


def main(arguments: Sequence[str]) -> int:
    """Watch until Ctrl-C; returns the exit status."""
    options = _parser().parse_args(arguments)
    if not options.json and not sys.stdout.isatty():
        print("stdout is no terminal: say --json", file=sys.stderr)
        return USAGE
    try:
        address = find(options.url)
        _watch(address, _tokens(options, address), as_json=options.json)
    except _Unusable as error:
        print(error, file=sys.stderr)
        return USAGE
    except (WatchingFailed, requests.RequestException) as error:
        print(error, file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        pass
    except PipeClosed:
        # Else Python tries to flush it once more at its end, and complains.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ENDED


def _watch(address: Address, tokens: Tokens, *, as_json: bool) -> None:
    if as_json:
        Stream(address.websocket, tokens, JsonLines(sys.stdout)).run()
        return
    with Screen(Console(), address.site or address.websocket) as screen:
        Stream(address.websocket, tokens, screen).run()


def _tokens(options: argparse.Namespace, address: Address) -> Tokens:
    given = options.token or address.token
    if given is None and options.username is None:
        given = os.environ.get(TOKEN_VARIABLE)
    if given:
        return GivenToken(given)
    if options.username is None and not sys.stdin.isatty():
        raise _Unusable(f"say --token, --username or {TOKEN_VARIABLE}")
    if address.site is None:
        raise _Unusable("to log in, say the site's http address instead of the WebSocket's")
    username = options.username or input("Username: ")
    password = os.environ.get(PASSWORD_VARIABLE) or getpass.getpass(f"Password of {username}: ")
    return LoginTokens(address.site, username, password)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.watch",
        description="Show the board live in a terminal.",
        epilog="Without a token it asks who you are. The address that `flask tokens display`"
        " printed needs nothing more.",
    )
    parser.add_argument(
        "url",
        metavar="URL",
        help="the site, such as http://127.0.0.1:8000, or its WebSocket, ws://127.0.0.1:8001/ws",
    )
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--token", help=f"an access or display token; or set {TOKEN_VARIABLE}")
    who.add_argument(
        "--username", help=f"log in; the password is asked for, or taken from {PASSWORD_VARIABLE}"
    )
    parser.add_argument("--json", action="store_true", help="print each frame as a line of JSON")
    return parser
