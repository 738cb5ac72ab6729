"""Builds the reads of the leaderboard and the publication of its changes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from app.accounts.session_cache import SessionCache
from app.alerting.alerts import Alerts
from app.boards.boards import Boards
from app.boards.known_boards import KnownBoards
from app.composition.process import StoreConnections
from app.contest.contests import Contests
from app.contest.final_tables import FinalTables
from app.contest.freezes import Freezes
from app.contest.reveals import Reveals
from app.leaderboard.board_cache import LocalBoard, SharedBoard, SharedReads
from app.leaderboard.board_standings import BoardStandings
from app.leaderboard.index.index_changes import IndexChanges
from app.leaderboard.index.seen_versions import SeenVersions
from app.leaderboard.index.used_rankings import UsedRankings
from app.leaderboard.leaderboard import Leaderboard
from app.leaderboard.publication import BoardPublisher
from app.leaderboard.rank_index import RankIndex
from app.leaderboard.rankings import Rankings
from app.leaderboard.replica_reads import ReplicaReads, position_after_commits
from app.storage.database import connect_unpooled
from config.settings import Settings

WHOLE_BOARD_SECONDS = 60.0
"""The limit of one statement that reads or changes the standings of all players of a board."""


@dataclass(frozen=True)
class LeaderboardServices:
    """The leaderboard with the parts that other services share."""

    index: RankIndex
    changes: IndexChanges
    local_board: LocalBoard
    versions: SeenVersions
    reads: ReplicaReads
    leaderboard: Leaderboard
    standings: BoardStandings
    known_boards: KnownBoards
    rankings: Rankings
    used: UsedRankings
    contests: Contests


def build_leaderboard(connections: StoreConnections) -> LeaderboardServices:
    """Reads through the caches, from the replica if there is one."""
    database, replica = connections.database, connections.replica
    position = partial(position_after_commits, database) if replica else None
    index, local_board, versions = RankIndex(connections.redis), LocalBoard(), SeenVersions()
    shared_board = SharedBoard(connections.redis)
    reads = ReplicaReads(database, replica, shared_board)
    shared = SharedReads(shared_board)
    leaderboard = Leaderboard(database, reads, local_board, shared, index)
    boards = Boards(database)
    known_boards = KnownBoards(boards)
    used = UsedRankings(connections.redis)
    rankings = Rankings(known_boards, leaderboard, reads, shared, index, versions, used)
    return LeaderboardServices(
        index,
        IndexChanges(connections.redis, position),
        local_board,
        versions,
        reads,
        leaderboard,
        BoardStandings(database, reads, index, rankings),
        known_boards,
        rankings,
        used,
        Contests(database),
    )


def build_freezes(settings: Settings, boards: Boards, publisher: BoardPublisher) -> Freezes:
    """Ends freezes, with time for boards of many players."""
    database = connect_unpooled(settings.database_url, WHOLE_BOARD_SECONDS)
    return Freezes(database, boards, publisher)


def build_reveals(settings: Settings, boards: Boards, publisher: BoardPublisher) -> Reveals:
    """Reveals hidden acts, with time for boards of many players."""
    database = connect_unpooled(settings.database_url, WHOLE_BOARD_SECONDS)
    return Reveals(database, boards, publisher)


def build_final_tables(
    settings: Settings, boards: Boards, standings: BoardStandings
) -> FinalTables:
    """Reads final tables, with time for boards of many players."""
    database = connect_unpooled(settings.database_url, WHOLE_BOARD_SECONDS)
    return FinalTables(database, boards, standings)


def build_publisher(
    board: LeaderboardServices, session_cache: SessionCache, alerts: Alerts
) -> BoardPublisher:
    """Publishes committed changes to the caches, the rank index and the broadcasters."""
    return BoardPublisher(session_cache, board.changes, board.local_board, board.versions, alerts)
