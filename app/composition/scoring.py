"""Builds scoring: admission, the fraud judge and the service that counts actions."""

from __future__ import annotations

from app.accounts.sessions import Sessions
from app.composition.leaderboard import LeaderboardServices
from app.composition.process import StoreConnections
from app.fraud.address_activity import AddressActivity
from app.fraud.attempt_window import AttemptWindows
from app.fraud.configuration import attempt_times_needed, configured_policy, configured_rules
from app.fraud.judge import Judge
from app.leaderboard.publication import BoardPublisher
from app.ledger.action_ledger import ActionLedger
from app.moderation.sanctions import Sanctions
from app.scoring.action_tokens import ActionTokenCodec
from app.scoring.admission import AdmissionStore
from app.scoring.point_outcomes import PointOutcomes
from app.scoring.scoring import Scoring
from config.settings import Settings


def build_scoring(
    settings: Settings,
    connections: StoreConnections,
    sessions: Sessions,
    board: LeaderboardServices,
    publisher: BoardPublisher,
    sanctions: Sanctions,
) -> Scoring:
    """Flows 3, 4 and 6."""
    token_ms = settings.action_token_seconds * 1000
    admission = AdmissionStore(
        connections.redis,
        {"token": settings.token_limit, "increment": settings.increment_limit},
        settings.fraud_rapid_seconds * 1000,
        token_ms,
        attempt_times_needed(settings),
    )
    judge = Judge(
        configured_rules(settings),
        configured_policy(settings),
        connections.database,
        AttemptWindows(connections.redis),
        AddressActivity(connections.redis) if settings.fraud_crowd_accounts else None,
        sanctions,
    )
    return Scoring(
        ActionLedger(connections.database, token_ms),
        admission,
        judge,
        ActionTokenCodec(settings.action_token_secret),
        sessions,
        board.known_boards,
        PointOutcomes(publisher, board.leaderboard, board.standings, board.used),
    )
