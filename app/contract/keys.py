"""The names of all Redis keys and channels, except the prefixes of the limits by address.

Processes of two versions share the stored names, so a name stays even if the code uses another
term: `keeper` and `kept` belong to the reconciler, `rhythm` to the times of attempts, `crowd` to
the activity of an address, and `strangers` to unknown addresses.

The keys of a user share the hash tag `{userId}`. The keys of the board `main` of all time share the
hash tag `{leaderboard:top10}`, which has the same slot as the plain key `leaderboard:top10`. The
keys of each other ranking share a hash tag of their own. So all keys of a script are in one slot
of a Redis Cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from app.contract.standings import MAIN_RANKING, Ranking

ActionKind = Literal["token", "increment"]

_BOARD = "{leaderboard:top10}"

CACHED_BOARD = "leaderboard:top10"
"""String: the top ten as JSON; expires after 5 s (flow 7)."""
BOARD_VERSION = f"{_BOARD}:version"
"""Hash: version, updatedAt and committedAt in ms; `changed`, "0" if a read or a rebuild made the
version; with a replica also walPosition, which is valid only together with walPositionWhole."""
LAST_BOARD = f"{_BOARD}:last"
"""Hash: the parts of the last stored board that decide whether a change can affect it; in fields
`row:userId` the rows near it, of which apply.lua makes the new top ten after a fall."""
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
USED_RANKINGS = f"{_BOARD}:used"
"""Sorted set: the rankings other than `main` of all time that are read, by the time of the last
read in ms."""


@dataclass(frozen=True)
class RankingKeys:
    """The keys of one ranking, as they are described above for the board `main` of all time."""

    cached_board: str
    version: str
    last_board: str
    board_lease: str
    scores: str
    revisions: str
    complete_until: str
    reconciler_lease: str
    lifetime_ms: int
    """The keys expire this long after their last write, because periods end; 0: never."""


RANKING_LIFETIME_MS = 3_600_000
MAIN_KEYS = RankingKeys(
    CACHED_BOARD,
    BOARD_VERSION,
    LAST_BOARD,
    BOARD_LEASE,
    INDEX_SCORES,
    INDEX_REVISIONS,
    INDEX_COMPLETE_UNTIL,
    RECONCILER_LEASE,
    lifetime_ms=0,
)


@lru_cache(maxsize=4_096)
def of_ranking(ranking: Ranking) -> RankingKeys:
    """The keys of any ranking."""
    if ranking == MAIN_RANKING:
        return MAIN_KEYS
    period = f":{ranking.starts_on}" if ranking.starts_on else ""
    tag = f"{{leaderboard:{ranking.board}:{ranking.period}{period}}}"
    return RankingKeys(
        cached_board=f"{tag}:top10",
        version=f"{tag}:version",
        last_board=f"{tag}:last",
        board_lease=f"{tag}:lease",
        scores=f"{tag}:scores",
        revisions=f"{tag}:revisions",
        complete_until=f"{tag}:complete_until",
        reconciler_lease=f"{tag}:keeper",
        lifetime_ms=RANKING_LIFETIME_MS,
    )


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
    """Hash: status, revision, and in ms flaggedAt, flaggedUntil, bannedAt, bannedUntil;
    and banReason, which may be empty."""
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
