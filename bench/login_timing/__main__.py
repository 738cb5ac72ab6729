"""python -m bench.login_timing [ROUNDS]: exits 1 if a refused login's time tells whom it was for.

Each round logs in once in each way, in random order, at a real server over HTTP with the least
BCRYPT_COST that is allowed, where a difference would show most. The way "wrong password" is there
twice, so that the noise is measured in the same run. Differences within rounds are judged by
Wilcoxon's signed-rank test: that the ways differ is said where chance alone would bring so much
less often than once in a thousand.
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

from app.services.moderation import Act
from bench.rebuild.__main__ import services_over
from tests.app.http.web_alone import WebAlone
from tests.servers import Stores, migrate
from tests.system.player import PASSWORD
from tools.embedded import EmbeddedPostgres, EmbeddedValkey

ROUNDS = 300
COST = 10
DIFFERS = 3.3
"""Standard deviations of the normal distribution beyond which is a thousandth."""
WRONG = "not the password"
KNOWN, BANNED, UNKNOWN = "known_player", "banned_player", "unknown_player"
REFERENCE = "wrong password"
WAYS = {
    REFERENCE: (KNOWN, WRONG, 401),
    "wrong password again": (KNOWN, WRONG, 401),
    "unknown user": (UNKNOWN, WRONG, 401),
    "banned, wrong password": (BANNED, WRONG, 401),
}


def main() -> int:
    """0 when no way differs from the others, 1 when one does, 2 for bad arguments."""
    try:
        (rounds,) = [int(word) for word in sys.argv[1:]] or [ROUNDS]
    except ValueError:
        print("usage: python -m bench.login_timing [ROUNDS]", file=sys.stderr)
        return 2
    with server() as url, requests.Session() as http:
        for _ in range(3):
            seconds(http, url)
        taken = [seconds(http, url) for _ in range(rounds)]
    print(f"{rounds} rounds, BCRYPT_COST {COST}: median ms, and what differs from {REFERENCE!r}")
    scores = {way: report(way, taken) for way in WAYS}
    return int(any(abs(score) > DIFFERS for score in scores.values()))


@contextmanager
def server() -> Iterator[str]:
    """An API that has the two players."""
    with (
        TemporaryDirectory(prefix="login-timing-") as folder,
        EmbeddedPostgres(Path(folder) / "postgres") as postgres,
        EmbeddedValkey(Path(folder) / "valkey") as valkey,
    ):
        stores = Stores(postgres.url, valkey.url)
        migrate(stores.database_url)
        variables = {"BCRYPT_COST": str(COST), "WEB_WORKERS": "1"}
        with WebAlone(stores, Path(folder), variables=variables) as running:
            for username in (KNOWN, BANNED):
                body = {"username": username, "password": PASSWORD}
                made = requests.post(f"{running.url}/api/auth/register", json=body, timeout=30)
                made.raise_for_status()
            services = services_over(stores)
            services.moderation.ban(Act("bench", "a measurement"), made.json()["userId"])
            services.close()
            yield running.url


def seconds(http: requests.Session, url: str) -> dict[str, float]:
    """One login in each way, in random order."""
    taken = {}
    for way in random.sample(sorted(WAYS), len(WAYS)):
        username, password, status = WAYS[way]
        body = {"username": username, "password": password}
        begun = time.perf_counter()
        reply = http.post(f"{url}/api/auth/login", json=body, timeout=30)
        taken[way] = time.perf_counter() - begun
        assert reply.status_code == status, reply.text
    return taken


def report(way: str, taken: list[dict[str, float]]) -> float:
    """Print the way's line; how many standard deviations it is from the reference."""
    median = statistics.median(each[way] for each in taken)
    if way == REFERENCE:
        print(f"  {way:<24}{median * 1000:8.3f}")
        return 0.0
    differences = [each[way] - each[REFERENCE] for each in taken]
    score = signed_rank(differences)
    verdict = "DIFFERS" if abs(score) > DIFFERS else "within noise"
    middle = statistics.median(differences) * 1000
    print(f"  {way:<24}{median * 1000:8.3f} {middle:+8.3f} ms, z {score:+.2f}: {verdict}")
    return score


def signed_rank(differences: list[float]) -> float:
    """Wilcoxon's statistic, as standard deviations from what chance would bring."""
    number = len(differences)
    ordered = sorted(differences, key=abs)
    above = sum(rank for rank, each in enumerate(ordered, 1) if each > 0)
    spread = math.sqrt(number * (number + 1) * (2 * number + 1) / 24)
    return (above - number * (number + 1) / 4) / spread


if __name__ == "__main__":
    sys.exit(main())
