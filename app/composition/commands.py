"""The services of an operators' command, `flask users ban` for example."""

from __future__ import annotations

from dataclasses import dataclass

from app.accounts.display_pairing import DisplayPairing
from app.accounts.display_tokens import DisplayTokens
from app.accounts.service_keys.service_keys import ServiceKeys
from app.boards.boards import Boards
from app.composition.accounts import build_service_keys, build_sessions
from app.composition.leaderboard import (
    build_final_tables,
    build_freezes,
    build_leaderboard,
    build_publisher,
    build_reveals,
)
from app.composition.passwords import build_passwords
from app.composition.process import ProcessServices, build_process
from app.contest.final_tables import FinalTables, TableSigner
from app.contest.freezes import Freezes
from app.contest.reveals import Reveals
from app.leaderboard.board_standings import BoardStandings
from app.leaderboard.index.index_rebuild import IndexRebuild
from app.maintenance.ledger_check import LedgerCheck
from app.maintenance.partitions import Partitions
from app.moderation.moderation import Moderation
from app.moderation.moderation_reads import ModerationReads
from app.moderation.sanctions import Sanctions
from app.storage.database import connect_unpooled
from config.settings import Settings

WHOLE_LEDGER_SECONDS = 3600.0
"""The limit of one statement of a command that reads or moves every action."""


@dataclass(frozen=True)
class CommandServices(ProcessServices):
    """Services that operators call from a shell."""

    moderation: Moderation
    moderation_reads: ModerationReads
    display_tokens: DisplayTokens
    display_pairing: DisplayPairing
    service_keys: ServiceKeys
    boards: Boards
    freezes: Freezes
    reveals: Reveals
    final_tables: FinalTables
    table_signer: TableSigner
    standings: BoardStandings
    ledger_check: LedgerCheck
    partitions: Partitions


def build_command_services(settings: Settings) -> CommandServices:
    """Opens no connection."""
    process = build_process(settings)
    connections = process.connections
    session = build_sessions(settings, connections)
    board = build_leaderboard(connections)
    publisher = build_publisher(board, session.cache, process.alerts)
    passwords = build_passwords(settings)
    display_tokens = DisplayTokens(connections.database, session.sessions, session.signer)
    boards = Boards(connections.database)
    ledger_database = connect_unpooled(settings.database_url, WHOLE_LEDGER_SECONDS)
    return CommandServices(
        settings=settings,
        connections=connections,
        health=process.health,
        alerts=process.alerts,
        parts=process.parts,
        moderation=Moderation(connections.database, passwords, Sanctions(publisher)),
        moderation_reads=ModerationReads(connections.database, board.leaderboard),
        display_tokens=display_tokens,
        display_pairing=DisplayPairing(connections.redis, display_tokens),
        service_keys=build_service_keys(connections.database),
        boards=boards,
        freezes=build_freezes(settings, boards, publisher),
        reveals=build_reveals(settings, boards, publisher),
        final_tables=build_final_tables(settings, boards, board.standings),
        table_signer=TableSigner(settings.jwt_private_key, settings.jwt_issuer),
        standings=board.standings,
        ledger_check=LedgerCheck(
            ledger_database,
            board.index,
            IndexRebuild(connections.redis),
            board.used,
            publisher,
        ),
        partitions=Partitions(ledger_database, settings.action_token_seconds),
    )
