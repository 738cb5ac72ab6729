"""All services, made from the settings and wired once; the API and the broadcaster share it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from os import geteuid
from pathlib import Path
from tempfile import gettempdir

import structlog
from redis import Redis

from app.contract.identity import JwtSigner, JwtVerifier
from app.fraud.configured import configured_consequences, configured_rules, rhythm_length
from app.fraud.judge import Judge
from app.gathering import LANES
from app.services.accounts import Accounts
from app.services.action_tokens import ActionTokenCodec
from app.services.alert_receivers import receivers_at
from app.services.alerts import HOLD_SECONDS, Alerts
from app.services.board_database import BoardDatabase, position_after_commits
from app.services.displays import Displays
from app.services.health import CHECK_SECONDS, Health
from app.services.history import Histories
from app.services.index_keeper import IndexKeeper
from app.services.inspection import Inspection
from app.services.leaderboard import Leaderboard
from app.services.ledger_check import LedgerCheck
from app.services.moderation import Moderation
from app.services.partitions import PartitionKeeper, Partitions
from app.services.passwords import Passwords
from app.services.propagation import Propagation
from app.services.scoring import Scoring
from app.services.sessions import Sessions
from app.services.watching import Watching
from app.stores.admission import AdmissionStore
from app.stores.alert_host_record import HostAlertRecord
from app.stores.alert_record import RedisAlertRecord
from app.stores.board_cache import LocalBoard, SharedBoard
from app.stores.counting import Counter
from app.stores.crowds import Crowds
from app.stores.database import Database, connect_pool, connect_replica, connect_unpooled
from app.stores.database_connections import bound_every_wait
from app.stores.login_attempts import LoginAttempts
from app.stores.rank_index import RankIndex
from app.stores.redis import connect, connect_subscriber
from app.stores.session_cache import SessionCache
from config.processors import on_any
from config.settings import Settings

SPARE_CONNECTIONS = 2
"""For the background threads, beside one for each thread that answers requests."""
WHOLE_LEDGER_SECONDS = 3600.0
"""For one statement of an operator's check, which reads every action."""
PARTITIONS_SECONDS = 5.0
"""For one statement of the background's care for the coming months."""

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Services:
    """What the outside calls; everything below is reached through it."""

    settings: Settings
    verifier: JwtVerifier
    accounts: Accounts
    sessions: Sessions
    displays: Displays
    watching: Watching
    scoring: Scoring
    leaderboard: Leaderboard
    histories: Histories
    moderation: Moderation
    inspection: Inspection
    index_keeper: IndexKeeper
    ledger_check: LedgerCheck
    partitions: Partitions
    partition_keeper: PartitionKeeper
    health: Health
    alerts: Alerts
    local_board: LocalBoard
    redis: Redis
    pubsub_client: Redis
    database: Database
    replica: Database | None

    def close(self) -> None:
        """Close Redis, then the database pool, then flush alerts, in the order of flow 10."""
        self.health.close()
        self.pubsub_client.close()
        self.redis.close()
        log.debug("redis_closed")
        self.database.close()
        if self.replica is not None:
            self.replica.close()
        log.debug("database_closed")
        self.alerts.close()


def build_services(settings: Settings) -> Services:
    """Connects to nothing yet: connections are made when first needed."""
    bound_every_wait()
    size = settings.web_threads + LANES + SPARE_CONNECTIONS
    database = connect_pool(settings.database_url, size)
    client = connect(settings.redis_url, size)
    read_url, shared_board = settings.database_read_url, SharedBoard(client)
    replica = connect_replica(read_url, size) if read_url else None
    board_database = BoardDatabase(database, replica, shared_board)

    signer, verifier = _jwt(settings)
    session_cache = SessionCache(client, settings.access_token_seconds)
    sessions = Sessions(
        database,
        session_cache,
        signer,
        settings.access_token_seconds,
        settings.refresh_token_seconds,
    )
    displays = Displays(database, session_cache, sessions, signer)
    position = partial(position_after_commits, database) if replica else None
    index, local_board = RankIndex(client, position), LocalBoard()
    pubsub_client = connect_subscriber(settings.redis_url)
    health = Health(
        connect_unpooled(settings.database_url, CHECK_SECONDS),
        pubsub_client,
        connect_unpooled(read_url, CHECK_SECONDS) if read_url else None,
    )
    alerts = _alerts(settings, health)
    propagation = Propagation(session_cache, index, local_board, alerts)
    admission = _admission(settings, client)
    judge = Judge(
        configured_rules(settings),
        configured_consequences(settings),
        database,
        admission,
        Crowds(client) if settings.fraud_crowd_accounts else None,
        propagation,
    )
    passwords = Passwords(settings.bcrypt_cost, on_any)
    leaderboard = Leaderboard(database, board_database, local_board, shared_board, index)
    scoring = Scoring(
        Counter(database, settings.action_token_seconds * 1000),
        admission,
        judge,
        ActionTokenCodec(settings.action_token_secret),
        sessions,
        index,
        local_board,
        leaderboard,
        alerts,
    )
    return Services(
        settings=settings,
        verifier=verifier,
        accounts=Accounts(
            database, passwords, sessions, LoginAttempts(client, settings.login_failure_limit)
        ),
        sessions=sessions,
        displays=displays,
        watching=Watching(verifier, sessions, displays),
        scoring=scoring,
        leaderboard=leaderboard,
        histories=Histories(board_database, leaderboard),
        moderation=Moderation(database, passwords, propagation),
        inspection=Inspection(database, leaderboard),
        index_keeper=IndexKeeper(
            database,
            index,
            local_board,
            sessions,
            propagation,
            settings.access_token_seconds,
        ),
        partitions=Partitions(
            connect_unpooled(settings.database_url, WHOLE_LEDGER_SECONDS),
            settings.action_token_seconds,
        ),
        partition_keeper=PartitionKeeper(
            Partitions(
                connect_unpooled(settings.database_url, PARTITIONS_SECONDS),
                settings.action_token_seconds,
            ),
            alerts,
        ),
        ledger_check=LedgerCheck(
            connect_unpooled(settings.database_url, WHOLE_LEDGER_SECONDS), index, local_board
        ),
        health=health,
        alerts=alerts,
        local_board=local_board,
        redis=client,
        pubsub_client=pubsub_client,
        database=database,
        replica=replica,
    )


def _jwt(settings: Settings) -> tuple[JwtSigner, JwtVerifier]:
    key = settings.jwt_private_key
    names = settings.jwt_issuer, settings.jwt_audience
    accepted = (key.public_key(), *settings.jwt_public_keys)
    return JwtSigner(key, *names), JwtVerifier(accepted, *names)


def _alerts(settings: Settings, health: Health) -> Alerts:
    # Systems on one machine are told apart by their database, without writing its URL anywhere.
    system = blake2b(
        settings.database_url.encode(), key=settings.action_token_secret[:64], digest_size=8
    ).hexdigest()
    path = Path(gettempdir()) / f"live-scoreboard-alerts-{geteuid()}-{system}"
    return Alerts(
        receivers_at(settings.alert_urls),
        # A connection of its own: alerts are flushed when all others are closed.
        RedisAlertRecord(connect(settings.redis_url, 1), HOLD_SECONDS),
        HostAlertRecord(path, HOLD_SECONDS),
        health.check,
    )


def _admission(settings: Settings, client: Redis) -> AdmissionStore:
    return AdmissionStore(
        client,
        {"token": settings.token_limit, "increment": settings.increment_limit},
        settings.fraud_rapid_seconds * 1000,
        settings.action_token_seconds * 1000,
        rhythm_length(settings),
    )
