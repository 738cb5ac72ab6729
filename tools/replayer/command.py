"""The command line of tools/replay.py."""

from __future__ import annotations

import argparse
import math
import re
import secrets
import string
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tools.replayer.api import ApiClient, ReplayFailed
from tools.replayer.board import BoardRow, check_server, read_board
from tools.replayer.comparison import Standing, competition_ranks
from tools.replayer.files import Event, UnreadableFile, read_events, read_table
from tools.replayer.player import players_of
from tools.replayer.replay import Replay
from tools.replayer.report import describe_differences, print_top, standings_of, summary
from tools.replayer.tally import Tally

AS_EXPECTED, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
SUFFIX_CHARACTERS = 5
MAX_SPEED, MAX_CONCURRENCY, MAX_ROWS = 1_000_000, 256, 10_000_000


def main(arguments: Sequence[str]) -> int:
    """Play the file and compare the board; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        events = read_events(options.file, options.rows)
        if options.final is None:
            against = "the sums of its rows"
            expected = competition_ranks(_sums(events))
        else:
            against = str(options.final)
            expected = read_table(options.final)
    except UnreadableFile as error:
        print(error, file=sys.stderr)
        return USAGE
    api = ApiClient(options.url)
    suffix = "".join(
        secrets.choice(string.ascii_lowercase + string.digits) for _ in range(SUFFIX_CHARACTERS)
    )
    players = players_of(events, suffix)
    replay = Replay(api, players, secrets.token_urlsafe(), options.speed)
    points = sum(event.points for event in events)
    try:
        check_server(api)
        started_at = time.monotonic()
        _run(replay, len(players), points, options.concurrency)
        seconds = time.monotonic() - started_at
        board = read_board(api, replay.tally.board_version)
    except ReplayFailed as error:
        print(f"{error}\n{_progress(replay, points)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print(f"\nInterrupted. {_progress(replay, points)}", file=sys.stderr)
        return INTERRUPTED
    print(summary(options.file.name, len(players), replay.tally, seconds))
    names = {player.user_id: player.name for player in players}
    return _report(replay, board, names, against, expected)


def _report(
    replay: Replay,
    board: Sequence[BoardRow],
    names: dict[str, str],
    against: str,
    expected: dict[str, Standing],
) -> int:
    if replay.tally.flagged:
        print(f"Players flagged by the fraud rules: {len(replay.tally.flagged)}.")
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


def _run(replay: Replay, players: int, points: int, concurrency: int) -> None:
    tally = replay.tally
    with _progress_bar("Registering", players, tally, lambda: tally.registered):
        replay.register(concurrency)
    with _progress_bar("Playing", points, tally, lambda: tally.points):
        replay.play(concurrency)


@contextmanager
def _progress_bar(title: str, total: int, tally: Tally, done: Callable[[], int]) -> Iterator[None]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[waits]} waits for a limit"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=total, waits=tally.limit_waits)

        def show() -> None:
            progress.update(task, completed=done(), waits=tally.limit_waits)

        try:
            tally.on_change = show
            yield
        finally:
            # A reply that comes after Ctrl-C must not redraw the bar.
            tally.on_change = lambda: None


def _progress(replay: Replay, points: int) -> str:
    return f"{replay.tally.points} of {points} points were played."


def _sums(events: Sequence[Event]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for event in events:
        sums[event.player] += event.points
    return sums


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tools/replay.py",
        description="Play an event file (at_seconds,player,points) through the HTTP API as its "
        "players, and compare the board with the expected one.",
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
        help="a published table (rank,player,points) to compare with, not the sums of the rows",
    )
    return parser


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
