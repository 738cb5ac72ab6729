"""The cached top ten: L1 in this process's memory, L2 in Redis (flow 7)."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass

import redis
from cachetools import TTLCache

from app.contract import keys
from app.contract.standings import TOP, Board, BoardVersion
from app.stores.lua_script import read_script
from app.stores.redis import translated
from app.stores.wal import WalPosition

CACHE_SECONDS = 5
LEASE_MS = 2000
_ENTRY = "board"


class LocalBoard:
    """L1: the board in this process, cleared by cache:invalidate; threads may share it."""

    def __init__(self) -> None:
        self._cache: TTLCache[str, Board] = TTLCache(maxsize=1, ttl=CACHE_SECONDS)
        self._lock = threading.Lock()
        self._generation = 0
        self._highest_version = 0

    @property
    def generation(self) -> int:
        """Grows with every clearing; take it before reading what is to be stored."""
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
            self._highest_version = max(self._highest_version, board.version.number)
            if generation == self._generation:
                self._cache[_ENTRY] = board

    def clear(self, version: int = 0) -> None:
        """Forget the board; `version` is the one that made it stale."""
        with self._lock:
            self._generation += 1
            self._highest_version = max(self._highest_version, version)
            self._cache.clear()


@dataclass(frozen=True)
class CacheReading:
    """A cached board, or the version at which PostgreSQL is to be read."""

    board: Board | None
    version: BoardVersion
    lease: str | None
    """Set where the caller is the one to read PostgreSQL."""
    wal_position: WalPosition | None
    """What a replica has to have replayed to be read; None: nobody knows."""


class SharedBoard:
    """L2: the board in Redis, the same for all processes; raises RedisUnavailable."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._read = read_script(client, "read_board")
        self._store = read_script(client, "store_board")
        self._release = read_script(client, "release")

    def read(self, seen_version: int, min_version: int) -> CacheReading:
        """The cached board not older than min_version, else the version and perhaps the lease."""
        token = secrets.token_hex(8)
        names = [keys.CACHED_BOARD, keys.BOARD_VERSION, keys.BOARD_LEASE]
        with translated():
            dumped, number, updated_at, committed_at, leased, position = self._read(
                keys=names, args=[seen_version, min_version, token, LEASE_MS]
            )
        version = BoardVersion(int(number), int(updated_at), int(committed_at))
        return CacheReading(
            Board.load(dumped) if dumped else None,
            version,
            token if leased else None,
            WalPosition.load(position) if position else None,
        )

    def wal_position(self) -> WalPosition | None:
        """What a replica has to have replayed to show all that is announced; None: not known."""
        with translated():
            position, whole = self._client.hmget(
                keys.BOARD_VERSION, ["walPosition", "walPositionWhole"]
            )
        return WalPosition.load(str(position)) if position and whole else None

    def store(self, board: Board) -> bool:
        """Cache the board unless the version has moved on; says whether it was stored."""
        last = board.positions[-1] if board.positions else None
        arguments: list[str | int] = [
            board.version.number,
            board.dump(),
            CACHE_SECONDS * 1000,
            len(board.rows),
            last.score if last else 0,
            last.reached_at if last else 0,
            *(row.user_id for row in board.rows),
        ]
        assert len(board.rows) <= TOP
        names = [keys.BOARD_VERSION, keys.CACHED_BOARD, keys.LAST_BOARD]
        with translated():
            return bool(self._store(keys=names, args=arguments))

    def release(self, lease: str) -> None:
        """Let the next one read PostgreSQL."""
        with translated():
            self._release(keys=[keys.BOARD_LEASE], args=[lease])
