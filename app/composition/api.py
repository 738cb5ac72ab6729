"""The services of an API process."""

from __future__ import annotations

from dataclasses import dataclass

from redis import Redis

from app.accounts.accounts import Accounts
from app.accounts.display_pairing import DisplayPairing
from app.accounts.display_tokens import DisplayTokens
from app.accounts.login_attempts import LoginAttempts
from app.accounts.passwords import Passwords
from app.accounts.service_keys.service_keys import ServiceKeys
from app.accounts.sessions import Sessions
from app.boards.boards import Boards
from app.boards.known_boards import KnownBoards
from app.composition.accounts import build_service_keys, build_sessions, build_verifier
from app.composition.leaderboard import (
    build_final_tables,
    build_freezes,
    build_leaderboard,
    build_publisher,
    build_reveals,
)
from app.composition.passwords import build_passwords
from app.composition.process import ProcessServices, build_process
from app.composition.scoring import build_scoring
from app.contest.contests import Contests
from app.contest.final_tables import FinalTables, TableSigner
from app.contest.freezes import Freezes
from app.contest.reveals import Reveals
from app.contract.identity import JwtVerifier
from app.leaderboard.board_cache import LocalBoard
from app.leaderboard.board_history import BoardHistories
from app.leaderboard.board_standings import BoardStandings
from app.leaderboard.history import HistoryReader
from app.leaderboard.index.index_rebuild import IndexRebuild
from app.leaderboard.leaderboard import Leaderboard
from app.leaderboard.rankings import Rankings
from app.ledger.score_ledger import ScoreLedger
from app.maintenance.background import Background
from app.maintenance.partitions import Partitions, PartitionScheduler
from app.maintenance.ranking_reconciler import RankingReconciler
from app.maintenance.reconciler import Reconciler
from app.maintenance.session_purge import SessionPurge
from app.moderation.moderation import Moderation
from app.moderation.moderation_reads import ModerationReads
from app.moderation.sanctions import Sanctions
from app.scoring.scoring import Scoring
from app.scoring.service_scores import ServiceScores
from app.storage.database import connect_unpooled
from config.settings import Settings

SCHEDULED_PARTITIONS_SECONDS = 5.0
"""The limit of one statement of the thread that creates the partitions of coming months."""


@dataclass(frozen=True)
class ApiServices(ProcessServices):
    """Services that the HTTP handlers and the background threads of a worker call."""

    settings: Settings
    verifier: JwtVerifier
    accounts: Accounts
    passwords: Passwords
    sessions: Sessions
    display_pairing: DisplayPairing
    service_keys: ServiceKeys
    scoring: Scoring
    service_scores: ServiceScores
    boards: Boards
    freezes: Freezes
    reveals: Reveals
    final_tables: FinalTables
    table_signer: TableSigner
    contests: Contests
    standings: BoardStandings
    leaderboard: Leaderboard
    known_boards: KnownBoards
    rankings: Rankings
    history: HistoryReader
    board_histories: BoardHistories
    moderation: Moderation
    moderation_reads: ModerationReads
    reconciler: Reconciler
    partition_scheduler: PartitionScheduler
    session_purge: SessionPurge
    local_board: LocalBoard
    redis: Redis
    """Counts the rate limits by address."""
    pubsub_client: Redis


def build_api_services(settings: Settings) -> ApiServices:
    """Opens no connection, but takes as long as hashing one password."""
    process = build_process(settings)
    connections, alerts = process.connections, process.alerts
    database = connections.database
    session = build_sessions(settings, connections)
    board = build_leaderboard(connections)
    publisher = build_publisher(board, session.cache, alerts)
    sanctions, boards = Sanctions(publisher), Boards(database)
    index_rebuild = IndexRebuild(connections.redis)
    passwords = build_passwords(settings)
    attempts = LoginAttempts(connections.redis, settings.login_failure_limit)
    return ApiServices(
        settings=settings,
        connections=connections,
        health=process.health,
        alerts=alerts,
        parts=process.parts,
        verifier=build_verifier(settings),
        accounts=Accounts(database, passwords, session.sessions, attempts, settings.reserved_names),
        passwords=passwords,
        sessions=session.sessions,
        display_pairing=DisplayPairing(
            connections.redis, DisplayTokens(database, session.sessions, session.signer)
        ),
        service_keys=build_service_keys(database),
        scoring=build_scoring(settings, connections, session.sessions, board, publisher, sanctions),
        service_scores=ServiceScores(
            database, ScoreLedger(database), board.standings, publisher, board.used
        ),
        boards=boards,
        freezes=build_freezes(settings, boards, publisher),
        reveals=build_reveals(settings, boards, publisher),
        final_tables=build_final_tables(settings, boards, board.standings),
        table_signer=TableSigner(settings.jwt_private_key, settings.jwt_issuer),
        contests=board.contests,
        standings=board.standings,
        leaderboard=board.leaderboard,
        known_boards=board.known_boards,
        rankings=board.rankings,
        history=HistoryReader(board.reads, board.leaderboard),
        board_histories=BoardHistories(database, board.standings),
        moderation=Moderation(database, passwords, sanctions),
        moderation_reads=ModerationReads(database, board.leaderboard),
        reconciler=Reconciler(
            database,
            index_rebuild,
            RankingReconciler(database, index_rebuild, board.used, publisher, board.changes),
            session.sessions,
            publisher,
            sanctions,
            settings.access_token_seconds,
        ),
        partition_scheduler=PartitionScheduler(
            Partitions(
                connect_unpooled(settings.database_url, SCHEDULED_PARTITIONS_SECONDS),
                settings.action_token_seconds,
            ),
            alerts,
        ),
        session_purge=SessionPurge(database, settings.access_token_seconds),
        local_board=board.local_board,
        redis=connections.redis,
        pubsub_client=connections.pubsub_client,
    )


def build_background(services: ApiServices) -> Background:
    """The threads of an API process that run beside the requests, not yet started."""
    return Background(
        services.pubsub_client,
        services.local_board,
        services.reconciler,
        (services.partition_scheduler.prepare_if_due, services.session_purge.step_if_due),
        services.alerts,
        services.parts,
    )
