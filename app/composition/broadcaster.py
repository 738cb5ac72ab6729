"""The services of a broadcaster process."""

from __future__ import annotations

from dataclasses import dataclass

from redis import Redis

from app.accounts.display_tokens import DisplayTokenVerification
from app.accounts.session_cache import SessionCache
from app.accounts.sessions import SessionVerification
from app.accounts.viewer_authentication import ViewerAuthentication
from app.boards.known_boards import KnownBoards
from app.composition.accounts import build_verifier
from app.composition.leaderboard import build_leaderboard
from app.composition.process import ProcessServices, build_process
from app.contest.contests import Contests
from app.leaderboard.board_cache import LocalBoard
from app.leaderboard.rankings import Rankings
from config.settings import BroadcasterSettings


@dataclass(frozen=True)
class BroadcasterServices(ProcessServices):
    """Services that authenticate viewers and read the board for them."""

    sessions: SessionVerification
    viewer_authentication: ViewerAuthentication
    known_boards: KnownBoards
    rankings: Rankings
    contests: Contests
    local_board: LocalBoard
    pubsub_client: Redis


def build_broadcaster_services(settings: BroadcasterSettings) -> BroadcasterServices:
    """Opens no connection."""
    process = build_process(settings, needs_writes=False)
    connections = process.connections
    cache = SessionCache(connections.redis, settings.access_token_seconds)
    sessions = SessionVerification(connections.database, cache)
    board = build_leaderboard(connections)
    return BroadcasterServices(
        settings=settings,
        connections=connections,
        health=process.health,
        alerts=process.alerts,
        parts=process.parts,
        sessions=sessions,
        viewer_authentication=ViewerAuthentication(
            build_verifier(settings),
            sessions,
            DisplayTokenVerification(connections.database, cache),
        ),
        known_boards=board.known_boards,
        rankings=board.rankings,
        contests=board.contests,
        local_board=board.local_board,
        pubsub_client=connections.pubsub_client,
    )
