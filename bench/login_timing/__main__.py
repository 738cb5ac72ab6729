"""python -m bench.login_timing [ROUNDS]: whether the time of a failed login reveals usernames.

Exits with 1 if it does. Each round logs in once in each way, in random order, at a real server over
HTTP. The server has the lowest allowed BCRYPT_COST, at which a difference is most visible. The way
"wrong password" is measured twice, to show the noise of the run. Wilcoxon's signed-rank test judges
the differences within rounds: a way differs if chance would cause its result less than once in a
thousand runs.
"""

from __future__ import annotations

import math
import random
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from app.audit.audited_change import Initiator
from bench.rebuild.__main__ import services_over
from tests.support.api_harness import ApiHarness
from tests.support.servers import Stores, migrate
from tests.support.system.player import PASSWORD
from tools.local.embedded import EmbeddedPostgres, EmbeddedValkey

ROUNDS = 300
WARM_UP_ROUNDS = 3
COST = 10
DIFFERS = 3.3
"""The standard deviations that a normal distribution exceeds once in a thousand."""
WRONG_PASSWORD = "not the password"
KNOWN, BANNED, UNKNOWN = "known_player", "banned_player", "unknown_player"
REFERENCE = "wrong password"
WAYS = {
    REFERENCE: (KNOWN, WRONG_PASSWORD, 401),
    "wrong password again": (KNOWN, WRONG_PASSWORD, 401),
    "unknown user": (UNKNOWN, WRONG_PASSWORD, 401),
    "banned, wrong password": (BANNED, WRONG_PASSWORD, 401),
}


def main() -> int:
    """The exit code: 0 if no way differs, 1 if one does, 2 for bad arguments."""
    try:
        (rounds,) = [int(word) for word in sys.argv[1:]] or [ROUNDS]
    except ValueError:
        print("usage: python -m bench.login_timing [ROUNDS]", file=sys.stderr)
        return 2
    with server() as url, requests.Session() as http:
        for _ in range(WARM_UP_ROUNDS):
            time_logins(http, url)
        times = [time_logins(http, url) for _ in range(rounds)]
    print(f"{rounds} rounds, BCRYPT_COST {COST}: median, and difference to {REFERENCE!r}")
    scores = {way: report(way, times) for way in WAYS}
    return int(any(abs(score) > DIFFERS for score in scores.values()))


@contextmanager
def server() -> Iterator[str]:
    """An API with the two players."""
    with (
        TemporaryDirectory(prefix="login-timing-") as folder,
        EmbeddedPostgres(Path(folder) / "postgres") as postgres,
        EmbeddedValkey(Path(folder) / "valkey") as valkey,
    ):
        stores = Stores(postgres.url, valkey.url)
        migrate(stores.database_url)
        variables = {"BCRYPT_COST": str(COST), "WEB_WORKERS": "1"}
        with ApiHarness(stores, Path(folder), variables=variables) as running:
            for username in (KNOWN, BANNED):
                body = {"username": username, "password": PASSWORD}
                made = requests.post(f"{running.url}/api/auth/register", json=body, timeout=30)
                made.raise_for_status()
            services = services_over(stores)
            services.moderation.ban(Initiator("bench", "a measurement"), made.json()["userId"])
            services.close()
            yield running.url


def time_logins(http: requests.Session, url: str) -> dict[str, float]:
    """Log in once in each way, in random order; the seconds of each."""
    seconds = {}
    for way in random.sample(sorted(WAYS), len(WAYS)):
        username, password, status = WAYS[way]
        body = {"username": username, "password": password}
        started = time.perf_counter()
        reply = http.post(f"{url}/api/auth/login", json=body, timeout=30)
        seconds[way] = time.perf_counter() - started
        assert reply.status_code == status, reply.text
    return seconds


def report(way: str, times: list[dict[str, float]]) -> float:
    """Print the way's line; returns its standard deviations from the reference."""
    median = statistics.median(each[way] for each in times)
    if way == REFERENCE:
        print(f"  {way:<24}{median * 1000:8.3f}")
        return 0.0
    differences = [each[way] - each[REFERENCE] for each in times]
    score = signed_rank(differences)
    verdict = "DIFFERS" if abs(score) > DIFFERS else "within noise"
    difference = statistics.median(differences) * 1000
    print(f"  {way:<24}{median * 1000:8.3f} {difference:+8.3f} ms, z {score:+.2f}: {verdict}")
    return score


def signed_rank(differences: list[float]) -> float:
    """Wilcoxon's statistic, as standard deviations from its expected value."""
    number = len(differences)
    ordered = sorted(differences, key=abs)
    above = sum(rank for rank, each in enumerate(ordered, 1) if each > 0)
    spread = math.sqrt(number * (number + 1) * (2 * number + 1) / 24)
    return (above - number * (number + 1) / 4) / spread


if __name__ == "__main__":
    sys.exit(main())
