"""Builds the hashing of passwords, which takes more CPU than all other work together."""

from __future__ import annotations

from app.accounts.passwords import Hasher, Passwords
from app.concurrency.bulkhead import Bulkhead
from app.concurrency.cpu_affinity import unpinned
from config.settings import Settings

MAX_HASHING = 1
"""Simultaneous hashes of a process; there are usually as many API processes as CPUs."""
MAX_WAIT_SECONDS = 5.0
"""How long a request waits for its turn to hash."""


def build_passwords(settings: Settings) -> Passwords:
    """Hashes on any CPU, also if the worker is pinned to one."""
    # Half of the ordinary threads stay free under servers that have no threads for passwords.
    waiting = max(0, settings.web_threads // 2 - MAX_HASHING)
    bulkhead = Bulkhead(MAX_HASHING, waiting, MAX_WAIT_SECONDS)
    return Passwords(Hasher(settings.bcrypt_cost, unpinned), bulkhead)
