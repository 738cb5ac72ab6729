"""The command line of tools/replay.py."""

from __future__ import annotations

import argparse
import secrets
import string
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from tqdm import tqdm

from tools.replaying.api import Api, ReplayFailed
from tools.replaying.board import BoardRow, look_at_board, read_board
from tools.replaying.comparison import Place, competition_ranks
from tools.replaying.files import Event, UnreadableFile, read_events, read_table
from tools.replaying.player import players_of
from tools.replaying.replay import Replay
from tools.replaying.report import places_of, print_top, summary, verdict
from tools.replaying.tally import Tally

AS_EXPECTED, DIFFERENT, USAGE, INTERRUPTED = 0, 1, 2, 130
SUFFIX_CHARACTERS = 5


def main(arguments: Sequence[str]) -> int:
    """Play the file and compare; returns the exit status."""
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
    api = Api(options.url)
    suffix = "".join(
        secrets.choice(string.ascii_lowercase + string.digits) for _ in range(SUFFIX_CHARACTERS)
    )
    players = players_of(events, suffix)
    replay = Replay(api, players, secrets.token_urlsafe(), options.speed)
    points = sum(event.points for event in events)
    try:
        look_at_board(api)
        begun = time.monotonic()
        _run(replay, len(players), points, options.concurrency)
        seconds = time.monotonic() - begun
        board = read_board(api, replay.tally.board_version)
    except ReplayFailed as error:
        print(f"{error}\n{_progress(replay, points)}", file=sys.stderr)
        return DIFFERENT
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
    expected: dict[str, Place],
) -> int:
    if replay.tally.flagged:
        print(f"Players warned of playing too fast (flagged): {len(replay.tally.flagged)}.")
    print_top(Console(), board)
    places = places_of(board, names)
    total = sum(place.points for place in places.values())
    print(f"The board holds {len(places)} players of this replay with {total} points.")
    if others := len(board) - len(places):
        print(f"Other players on the board, left out of the comparison: {others}.")
    if lines := verdict(against, expected, places):
        print("\n".join(lines))
        return DIFFERENT
    print(f"No difference to {against}.")
    return AS_EXPECTED


def _run(replay: Replay, players: int, points: int, concurrency: int) -> None:
    tally = replay.tally
    with _bar("Registering", players, tally, lambda: tally.registered):
        replay.register(concurrency)
    with _bar("Playing", points, tally, lambda: tally.points):
        replay.play(concurrency)


@contextmanager
def _bar(what: str, total: int, tally: Tally, done: Callable[[], int]) -> Iterator[None]:
    with tqdm(desc=what, total=total, disable=not sys.stderr.isatty()) as bar:

        def show() -> None:
            bar.set_postfix_str(f"{tally.limit_waits} waits for a limit", refresh=False)
            bar.update(done() - bar.n)

        try:
            tally.changed = show
            yield
        finally:
            # An answer that comes after Ctrl-C must not draw the bar again.
            tally.changed = lambda: None


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
        "players, and compare the board with what it should hold.",
    )
    parser.add_argument("file", type=Path, metavar="FILE.csv")
    parser.add_argument("--url", type=_url, default="http://127.0.0.1:8000", help="%(default)s")
    parser.add_argument(
        "--speed",
        type=_speed,
        default=0.0,
        help="times faster than the file's own time; 0, the default: as fast as the server lets",
    )
    parser.add_argument(
        "--concurrency", type=_positive, default=16, help="requests at a time; %(default)s"
    )
    parser.add_argument("--rows", type=_positive, help="only the first ROWS events")
    parser.add_argument(
        "--final",
        type=Path,
        metavar="FINAL.csv",
        help="a published table (rank,player,points) to compare with instead of the rows' sums",
    )
    return parser


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError("must start with http:// or https://")
    return text.rstrip("/")


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 <= speed < float("inf"):
        raise argparse.ArgumentTypeError("must be 0 or more")
    return speed


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number
