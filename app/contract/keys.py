"""The names of all Redis keys and channels, except the prefixes of the limits by address.

Processes of two versions share the stored names, so a name stays even if the code uses another
term: `keeper` and `kept` belong to the reconciler, `rhythm` to the times of attempts, `crowd` to
the activity of an address, and `strangers` to unknown addresses.

The keys of a user share the hash tag `{userId}`. The keys of the board share the hash tag
`{leaderboard:top10}`, which has the same slot as the plain key `leaderboard:top10`. So all keys
of a script are in one slot of a Redis Cluster.
"""

from __future__ import annotations

from typing import Literal

ActionKind = Literal["token", "increment"]

_BOARD = "{leaderboard:top10}"

CACHED_BOARD = "leaderboard:top10"
"""String: the top ten as JSON; expires after 5 s (flow 7)."""
BOARD_VERSION = f"{_BOARD}:version"
"""Hash: version, updatedAt and committedAt in ms; with a replica also walPosition, which is valid
only together with walPositionWhole."""
LAST_BOARD = f"{_BOARD}:last"
"""Hash: the parts of the last stored board that decide whether a change can affect it."""
BOARD_LEASE = f"{_BOARD}:lease"
"""String: the lease of the process that reads the board from PostgreSQL; the others wait."""
INDEX_SCORES = f"{_BOARD}:scores"
"""Sorted set: userId by score."""
INDEX_REVISIONS = f"{_BOARD}:revisions"
"""Hash: userId to the newest applied revision; `players`, the size of INDEX_SCORES; `clockOffset`,
PostgreSQL's clock minus Redis' in µs when the mark was recorded; `settledId`, PostgreSQL's oldest
running transaction at that time."""
INDEX_COMPLETE_UNTIL = f"{_BOARD}:complete_until"
"""String: PostgreSQL time in µs up to which all changes are in the index. It counts only while
`players` is the size of INDEX_SCORES, so that it can't outlive a part of the index."""
RECONCILER_LEASE = f"{_BOARD}:keeper"
"""String: the lease of the process that reconciles the index."""
LAST_RECONCILER = f"{_BOARD}:kept"
"""String: the process that reconciled last; expires if it misses its next pass."""

ALERTS = "alerts"
"""Part of the names in which the limits library counts the alerts of each kind."""
HEALTH = "health"
"""String: written by health checks, to learn whether Redis accepts writes."""

# Each database of a Redis has channels of its own: of_database() in channels.py.
SCORE_UPDATE = "score_update"
CACHE_INVALIDATE = "cache:invalidate"
SESSIONS_ENDED = "sessions:ended"
SERVER_SHUTDOWN = "server:shutdown"


def session(user_id: str, session_id: str) -> str:
    """String: "active" or "revoked". For a display, the token id is both user and session."""
    return f"session:{{{user_id}}}:{session_id}"


def uncertain_refresh(user_id: str, session_id: str) -> str:
    """String: the database failed while the session's refresh token was replaced."""
    return f"uncertain_refresh:{{{user_id}}}:{session_id}"


def account(user_id: str) -> str:
    """Hash: status, revision, and in ms flaggedAt, flaggedUntil, bannedAt, bannedUntil."""
    return f"account:{{{user_id}}}"


def attempts(user_id: str, kind: ActionKind) -> str:
    """Sorted set: the latest attempts by time in ms, for the fraud rules."""
    return f"attempts:{{{user_id}}}:{kind}"


def attempt_times(user_id: str, kind: ActionKind) -> str:
    """List: times in ms of the last attempts, newest first, while rule `clockwork` is on."""
    return f"rhythm:{{{user_id}}}:{kind}"


def address_activity(address: str) -> str:
    """Sorted set: users that acted from the address, by time in ms, while rule `crowd` is on."""
    return f"crowd:{{{address}}}"


def charges(user_id: str, kind: ActionKind) -> str:
    """Sorted set: nonces charged to the user's rate limit, by time in ms."""
    return f"charges:{{{user_id}}}:{kind}"


def repeats(user_id: str) -> str:
    """List: times in ms of the last admitted repeats of action tokens, newest first."""
    return f"repeats:{{{user_id}}}"


def action_token(user_id: str, nonce: str) -> str:
    """Hash: issuedAt in ms, and used after the token was used."""
    return f"action_token:{{{user_id}}}:{nonce}"


def pairing_code(code: str) -> str:
    """String: the screen that shows this code, as a hash of its secret."""
    return f"pairing:{code}"


def paired_screen(screen: str) -> str:
    """String: the display token that waits for this screen."""
    return f"paired:{screen}"


def login_failures(account: str, address: str) -> str:
    """Sorted set: failed logins from one address, by time in ms; account is a hash of the name."""
    return f"login:{{{account}}}:from:{address}"


def unknown_address_failures(account: str) -> str:
    """Sorted set: failed logins from addresses that the account does not know, by time in ms."""
    return f"login:{{{account}}}:strangers"


def network_failures(account: str, network: str) -> str:
    """Sorted set: the part of these failures from one network, by time in ms."""
    return f"login:{{{account}}}:network:{network}"


def known_addresses(account: str) -> str:
    """Sorted set: addresses that logged in to the account, by the time in ms when they expire."""
    return f"login:{{{account}}}:known"
