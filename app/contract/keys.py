"""Names of Redis keys and channels; no other module writes one out.

Keys of one user share the hash tag `{userId}`; the board's share `{leaderboard:top10}`, the slot
of the plain key `leaderboard:top10`. So every script's keys are in one slot of a Redis Cluster.
"""

from __future__ import annotations

from typing import Literal

ActionKind = Literal["token", "increment"]

_BOARD = "{leaderboard:top10}"

CACHED_BOARD = "leaderboard:top10"
"""The top ten as JSON, gone after 5 s (flow 7)."""
BOARD_VERSION = f"{_BOARD}:version"
"""Hash: version, updatedAt and committedAt in ms; with a replica walPosition, which counts only
with walPositionWhole."""
LAST_BOARD = f"{_BOARD}:last"
"""Hash: what is needed of the last stored board to tell whether a change can touch it."""
BOARD_LEASE = f"{_BOARD}:lease"
"""Who reads the board from PostgreSQL just now, so that the others wait for it."""
INDEX_SCORES = f"{_BOARD}:scores"
"""Sorted set: userId by score."""
INDEX_REVISIONS = f"{_BOARD}:revisions"
"""Hash: userId to the newest revision applied."""
INDEX_COMPLETE_UNTIL = f"{_BOARD}:complete_until"
"""PostgreSQL time in µs up to which all changes are known to be in the index; absent: not whole."""
INDEX_KEEPER = f"{_BOARD}:keeper"
"""Who rebuilds or repairs the index just now."""
INDEX_KEPT = f"{_BOARD}:kept"
"""Who did so last, for as long as it is to be expected that they come again."""

ALERTS = "alerts"
"""Hash: of each kind of alert sentAt, seenAt and beganAt in ms, held, and open while it lasts."""

SCORE_UPDATE = "score_update"
CACHE_INVALIDATE = "cache:invalidate"
SESSIONS_ENDED = "sessions:ended"
SERVER_SHUTDOWN = "server:shutdown"


def session(user_id: str, session_id: str) -> str:
    """String: "active" or "revoked"; of a display, its token's id is both user and session."""
    return f"session:{{{user_id}}}:{session_id}"


def account(user_id: str) -> str:
    """Hash: status, revision, flaggedAt and flaggedUntil in ms."""
    return f"account:{{{user_id}}}"


def attempts(user_id: str, kind: ActionKind) -> str:
    """Sorted set: attempts of the last seconds by time in ms, for the fraud rules."""
    return f"attempts:{{{user_id}}}:{kind}"


def rhythm(user_id: str, kind: ActionKind) -> str:
    """List: times in ms of the last attempts, newest first, while the clockwork rule is on."""
    return f"rhythm:{{{user_id}}}:{kind}"


def crowd(address: str) -> str:
    """Sorted set: users that acted from the address by time in ms, while the crowd rule is on."""
    return f"crowd:{{{address}}}"


def charges(user_id: str, kind: ActionKind) -> str:
    """Sorted set: nonces charged to the user's limit by time in ms."""
    return f"charges:{{{user_id}}}:{kind}"


def action_token(user_id: str, nonce: str) -> str:
    """Hash: issuedAt in ms, and used once spent."""
    return f"action_token:{{{user_id}}}:{nonce}"


def login_failures(account: str, address: str) -> str:
    """Sorted set: failed logins of one address at an account, a hash of its name, by time in ms."""
    return f"login:{{{account}}}:from:{address}"


def strangers_failures(account: str) -> str:
    """Sorted set: failed logins at an account from addresses unknown to it, by time in ms."""
    return f"login:{{{account}}}:strangers"


def known_addresses(account: str) -> str:
    """Sorted set: addresses that logged in to the account by the time in ms they are known to."""
    return f"login:{{{account}}}:known"
