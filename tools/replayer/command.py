"""The command line of tools/replay.py."""

from __future__ import annotations

import argparse
import math
import re
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from app.boards.board import board_key
from app.contract.errors import ValidationFailed
from clients.python.live_scoreboard_client import Row, Scoreboard, Service
from tools.replayer.board import MAIN_RULES, check_server, read_rows, read_rules
from tools.replayer.comparison import Standing
from tools.replayer.files import Event, UnreadableFile, read_events, read_table
from tools.replayer.player import Player, players_of
from tools.replayer.replay import Replay
from tools.replayer.report import (
    describe_differences,
    print_top,
    progress_bar,
    standings_of,
    summary,
)
from tools.replayer.retry_policy import ReplayFailed
from tools.replayer.service_replay import RETRY_SECONDS, Run, ServiceReplay
from tools.replayer.tally import Tally

AS_EXPECTED, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
SUFFIX_BYTES = 3
MAIN = "main"
MAX_SPEED, MAX_CONCURRENCY, MAX_ROWS = 1_000_000, 256, 10_000_000


def main(arguments: Sequence[str]) -> int:
    """Play the file and compare the board; returns the exit status."""
    options = _parser().parse_args(arguments)
    if (options.board is None) != (options.key is None):
        print("--board needs --key, and --key needs --board", file=sys.stderr)
        return USAGE
    try:
        events = read_events(options.file, options.rows)
        final = read_table(options.final) if options.final else None
    except UnreadableFile as error:
        print(error, file=sys.stderr)
        return USAGE
    with ExitStack() as stack:
        site = stack.enter_context(Scoreboard(options.url))
        replay, players = _replay(options, site, events, stack)
        return _play(options, site, replay, players, events, final)


def _play(
    options: argparse.Namespace,
    site: Scoreboard,
    replay: Replay | ServiceReplay,
    players: Sequence[Player],
    events: Sequence[Event],
    final: dict[str, Standing] | None,
) -> int:
    points = sum(event.points for event in events)
    try:
        check_server(site, options.url)
        rules = read_rules(site, options.board) if options.board else MAIN_RULES
        started_at = time.monotonic()
        _run(replay, len(players), points, options.concurrency)
        seconds = time.monotonic() - started_at
        board = read_rows(site, options.board or MAIN, replay.tally.board_version)
    except ReplayFailed as error:
        print(f"{error}\n{_progress(replay, points)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print(f"\nInterrupted. {_progress(replay, points)}", file=sys.stderr)
        return INTERRUPTED
    print(summary(options.file.name, len(players), replay.tally, seconds))
    names = {player.username: player.name for player in players}
    against = str(options.final or "what its rows make")
    return _report(replay.tally, board, names, against, final or rules.table(events))


def _replay(
    options: argparse.Namespace, site: Scoreboard, events: Sequence[Event], stack: ExitStack
) -> tuple[Replay | ServiceReplay, Sequence[Player]]:
    if options.board:
        run = options.run or Run.start()
        players = players_of(events, run.text)
        service = stack.enter_context(
            Service(options.url, options.key, retry_seconds=RETRY_SECONDS)
        )
        return ServiceReplay(
            site, service, players, events, options.board, run, options.speed
        ), players
    suffix = secrets.token_hex(SUFFIX_BYTES)
    players = players_of(events, suffix)
    return Replay(site, players, secrets.token_urlsafe(), options.speed), players


def _report(
    tally: Tally,
    board: Sequence[Row],
    names: dict[str, str],
    against: str,
    expected: dict[str, Standing],
) -> int:
    if tally.flagged:
        print(f"Players flagged by the fraud rules: {len(tally.flagged)}.")
    print_top(Console(), board)
    standings = standings_of(board, names)
    total = sum(standing.points for standing in standings.values())
    print(f"The board holds {len(standings)} players of this replay with {total} points.")
    if others := len(board) - len(standings):
        print(f"Other players on the board, left out of the comparison: {others}.")
    if lines := describe_differences(against, expected, standings):
        print("\n".join(lines))
        return FAILED
    print(f"No difference to {against}.")
    return AS_EXPECTED


def _run(replay: Replay | ServiceReplay, players: int, points: int, concurrency: int) -> None:
    tally = replay.tally
    with progress_bar("Registering", players, tally, lambda: tally.registered):
        replay.register(concurrency)
    with progress_bar("Playing", points, tally, lambda: tally.points):
        if isinstance(replay, ServiceReplay):
            replay.play()
        else:
            replay.play(concurrency)


def _progress(replay: Replay | ServiceReplay, points: int) -> str:
    text = f"{replay.tally.points} of {points} points were played."
    if isinstance(replay, ServiceReplay):
        text += f" Add `--run {replay.run.text}` to continue within a day."
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tools/replay.py",
        description="Play an event file (at_seconds,player,points) through the HTTP API as its "
        "players, or as the scores of a service, and compare the board with the expected one.",
    )
    parser.add_argument("file", type=Path, metavar="FILE.csv")
    parser.add_argument("--url", type=_url, default="http://127.0.0.1:8000", help="%(default)s")
    parser.add_argument(
        "--speed",
        type=_speed,
        default=0.0,
        metavar="FACTOR",
        help="how many times faster than the times in the file; 0, the default: as fast as"
        " the server allows",
    )
    parser.add_argument(
        "--concurrency",
        type=_number_up_to(MAX_CONCURRENCY, example=16),
        default=16,
        metavar="NUMBER",
        help="number of concurrent requests; %(default)s",
    )
    parser.add_argument(
        "--rows", type=_number_up_to(MAX_ROWS, example=100), help="only the first ROWS events"
    )
    parser.add_argument(
        "--final",
        type=Path,
        metavar="FINAL.csv",
        help="a published table (rank,player,points) to compare with, not what the rows make",
    )
    parser.add_argument(
        "--board",
        type=_board_key,
        metavar="KEY",
        help="a board that services score on: each row is one act, 500 acts a call; needs --key",
    )
    parser.add_argument("--key", metavar="sk_…", help="a service key of that board")
    parser.add_argument(
        "--run",
        type=_run_name,
        help="with --board: continue an earlier replay; what it counted is not counted again",
    )
    return parser


def _board_key(text: str) -> str:
    try:
        return board_key(text)
    except ValidationFailed as error:
        raise argparse.ArgumentTypeError(f"needs the key of a board: {error}") from None


def _run_name(text: str) -> Run:
    try:
        return Run.parse(text)
    except ValueError:
        raise argparse.ArgumentTypeError("needs the name that an earlier replay printed") from None


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise argparse.ArgumentTypeError(f"needs a URL such as http://127.0.0.1:8000, not {text!r}")
    return text.rstrip("/")


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 0 <= speed <= MAX_SPEED:
        limits = f"from 0 to {MAX_SPEED:,}"
        raise argparse.ArgumentTypeError(f"needs a number {limits}, such as 2.5, not {text!r}")
    return speed


def _number_up_to(maximum: int, *, example: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = int(text) if re.fullmatch("[0-9]{1,18}", text) else 0
        if not 1 <= number <= maximum:
            limits = f"from 1 to {maximum:,}"
            raise argparse.ArgumentTypeError(
                f"needs a whole number {limits}, such as {example}, not {text!r}"
            )
        return number

    return parse
