"""The cached top ten: L1 in this process's memory, L2 in Redis (flow 7)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import redis
import structlog
from cachetools import TTLCache

from app.contract.errors import RedisUnavailable
from app.contract.keys import RankingKeys
from app.contract.standings import (
    MAX_VERSION_LEAD_MS,
    TOP,
    Board,
    BoardVersion,
    bounded_version,
)
from app.leaderboard.index.near_rows import ReadBoard
from app.metrics.counters import CACHE_READS
from app.storage.lease import new_token
from app.storage.lua_script import read_script
from app.storage.redis import redis_errors
from app.storage.wal import WalPosition

CACHE_SECONDS = 5
LEASE_MS = 2000
LEASE_WAIT_SECONDS, LEASE_POLL_SECONDS = 0.3, 0.01
_ENTRY = "board"

log = structlog.stdlib.get_logger(__name__)


class LocalBoard:
    """L1: the board in this process, cleared by cache:invalidate; safe for threads."""

    def __init__(self) -> None:
        self._cache: TTLCache[str, Board] = TTLCache(maxsize=1, ttl=CACHE_SECONDS)
        self._lock = threading.Lock()
        self._generation = 0
        self._highest_version = 0

    @property
    def generation(self) -> int:
        """Rises whenever the cache is cleared. Read it before reading the board to store."""
        return self._generation

    @property
    def highest_version(self) -> int:
        """The highest version that this process has seen."""
        return self._highest_version

    def get(self, min_version: int) -> Board | None:
        """The board, unless it is older than min_version."""
        with self._lock:
            board = self._cache.get(_ENTRY)
        return board if board and board.version.number >= min_version else None

    def put(self, board: Board, generation: int) -> None:
        """Store the board unless it was invalidated since `generation`."""
        with self._lock:
            if board.version.replaces(self._highest_version):
                self._highest_version = board.version.number
            if generation == self._generation:
                self._cache[_ENTRY] = board

    def clear(self, version: int = 0) -> None:
        """Remove the board; `version` is the version that made it stale."""
        with self._lock:
            self._generation += 1
            self._highest_version = max(self._highest_version, bounded_version(version))
            self._cache.clear()


@dataclass(frozen=True)
class CacheLookup:
    """A cached board, or the version to store with the board that is read from PostgreSQL."""

    board: Board | None
    version: BoardVersion
    lease: str | None
    """Set if the caller is the one that reads PostgreSQL; release it afterwards."""
    is_change: bool
    """Whether a change of the top ten made the version; else a read or a rebuild did."""
    wal_position: WalPosition | None
    """What a replica must have replayed to be read; None: unknown."""


class SharedBoard:
    """L2: the boards of all rankings in Redis, the same for all processes; raises RedisUnavailable.

    The order keys of cached rows hold index scores.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._read = read_script(client, "leaderboard", "read_board")
        self._store = read_script(client, "leaderboard", "store_board")

    def read(self, names: RankingKeys, seen_version: int, min_version: int) -> CacheLookup:
        """The board if it is not older than min_version, else the version and perhaps the lease."""
        token = new_token()
        arguments: list[str | int] = [
            seen_version,
            min_version,
            token,
            LEASE_MS,
            MAX_VERSION_LEAD_MS,
            names.lifetime_ms,
        ]
        with redis_errors():
            reply = self._read(
                keys=[names.cached_board, names.version, names.board_lease], args=arguments
            )
            dumped, number, updated_at, committed_at, leased, position, changed = reply
            version = BoardVersion(int(number), int(updated_at), int(committed_at))
            board = _load(dumped, version) if dumped else None
            if dumped and board is None:
                # The next reader gets the lease to read PostgreSQL.
                self._client.delete(names.cached_board)
        lease = token if leased else None
        return CacheLookup(board, version, lease, bool(changed), _position(position))

    def wal_position(self, names: RankingKeys) -> WalPosition | None:
        """What a replica must have replayed to show every published change; None: unknown."""
        with redis_errors():
            position, whole = self._client.hmget(names.version, ["walPosition", "walPositionWhole"])
        return _position(str(position)) if position and whole else None

    def store(self, names: RankingKeys, read: ReadBoard, lease: str | None) -> bool:
        """Cache the board unless the version has risen since; returns whether it was stored.

        In any case ends the lease, so that the next reader can read PostgreSQL.
        """
        board = read.board
        last = board.order_keys[-1] if board.order_keys else None
        arguments: list[str | int] = [
            board.version.number,
            board.dump(),
            CACHE_SECONDS * 1000,
            names.lifetime_ms,
            lease or "",
            len(board.rows),
            last.score if last else 0,
            last.reached_at if last else 0,
            *read.near_arguments(),
        ]
        assert len(board.rows) <= TOP
        stored = [names.version, names.cached_board, names.last_board, names.board_lease]
        with redis_errors():
            return bool(self._store(keys=stored, args=arguments))


class SharedReads:
    """Reads boards through L2, so that an empty cache costs one query for all processes."""

    def __init__(self, shared: SharedBoard) -> None:
        self._shared = shared

    def read(
        self,
        names: RankingKeys,
        seen_version: int,
        min_version: int,
        read_database: Callable[[BoardVersion, WalPosition | None], ReadBoard],
    ) -> Board:
        """The board of the ranking, not older than min_version if that version exists.

        `seen_version` is the highest that the caller has seen. Raises what `read_database` raises.
        """
        try:
            lookup = self._await_cached(names, seen_version, min_version)
        except RedisUnavailable:
            # Without Redis no process can raise the version, so the board is at least as new.
            now = int(time.time() * 1000)
            read = _counted(read_database(BoardVersion(seen_version, now, now), None))
            return _with_last_score(read.board)
        if lookup.board is not None:
            CACHE_READS.labels("redis").inc()
            board = lookup.board
        else:
            read = _counted(read_database(lookup.version, lookup.wal_position))
            self._share(names, read, lookup.lease)
            board = read.board
        return board if lookup.is_change else _with_last_score(board)

    def _await_cached(self, names: RankingKeys, seen: int, min_version: int) -> CacheLookup:
        """The cached board, or the lease to read it; waits while another process has the lease."""
        limit = time.monotonic() + LEASE_WAIT_SECONDS
        while True:
            lookup = self._shared.read(names, seen, min_version)
            if lookup.board or lookup.lease or time.monotonic() > limit:
                return lookup
            time.sleep(LEASE_POLL_SECONDS)

    def _share(self, names: RankingKeys, read: ReadBoard, lease: str | None) -> None:
        try:
            self._shared.store(names, read, lease)
        except RedisUnavailable:
            # The lease expires, and the next reader stores its own board.
            CACHE_READS.labels("store_failed").inc()


def _counted(read: ReadBoard) -> ReadBoard:
    CACHE_READS.labels("database").inc()
    return read


def _with_last_score(board: Board) -> Board:
    """The board, with a version that says when its newest score was reached."""
    if not board.order_keys:
        return board
    last_score_at = max(key.reached_at for key in board.order_keys) // 1000
    return replace(board, version=replace(board.version, last_score_at=last_score_at))


def _load(dumped: str, version: BoardVersion) -> Board | None:
    """The cached board; None if it was not stored by store_board.lua at this version."""
    try:
        board = Board.load(dumped)
    except (ValueError, KeyError, TypeError, RecursionError):
        board = None
    if board is None or board.version != version:
        log.warning("cached_board_invalid")
        return None
    return board


def _position(dumped: str) -> WalPosition | None:
    try:
        return WalPosition.load(dumped)
    except ValueError:
        return None
