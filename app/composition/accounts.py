"""Builds the services that identify callers: JWTs, sessions, display tokens and service keys."""

from __future__ import annotations

from dataclasses import dataclass

from app.accounts.service_keys.service_keys import ServiceKeys
from app.accounts.session_cache import SessionCache
from app.accounts.sessions import Sessions
from app.boards import board_rows
from app.composition.process import StoreConnections
from app.contract.identity import JwtSigner, JwtVerifier
from app.storage.database import Database
from config.settings import BroadcasterSettings, Settings


@dataclass(frozen=True)
class SessionServices:
    """Sessions with the parts that other services share."""

    signer: JwtSigner
    cache: SessionCache
    sessions: Sessions


def build_sessions(settings: Settings, connections: StoreConnections) -> SessionServices:
    """Sessions in PostgreSQL with their cache in Redis."""
    signer = JwtSigner(settings.jwt_private_key, settings.jwt_issuer, settings.jwt_audience)
    cache = SessionCache(connections.redis, settings.access_token_seconds)
    sessions = Sessions(
        connections.database,
        cache,
        signer,
        settings.access_token_seconds,
        settings.refresh_token_seconds,
    )
    return SessionServices(signer, cache, sessions)


def build_verifier(settings: BroadcasterSettings) -> JwtVerifier:
    """Accepts JWTs of all accepted keys."""
    return JwtVerifier(settings.jwt_public_keys, settings.jwt_issuer, settings.jwt_audience)


def build_service_keys(database: Database) -> ServiceKeys:
    """Service keys for the boards that exist."""
    return ServiceKeys(database, board_rows.find_all)
