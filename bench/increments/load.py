"""The load generator: one thread of wrk, which keeps its connections open."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import mkdtemp

from bench.increments.cpu_time import cpu_seconds
from bench.increments.site import BenchSite

SCRIPTS = Path(__file__).parent / "wrk"


class NoLoadGenerator(Exception):
    """wrk is not installed."""


@dataclass(frozen=True)
class Figures:
    """The result of one load: answers of each kind, latencies in ms, CPU seconds per server."""

    counted: int
    """Increments."""
    given: int
    """Action tokens that were issued."""
    seconds: float
    p50: float
    p95: float
    p99: float
    cpu_seconds: Mapping[str, float]

    def rate(self, answers: int) -> float:
        """Answers per second."""
        return answers / self.seconds

    def cpu_us_per_answer(self, server: str, answers: int) -> float:
        """The server's CPU time per answer in µs."""
        return self.cpu_seconds[server] / answers * 1e6


def combine(slices: Sequence[Figures]) -> Figures:
    """The sum of several slices; latencies are the medians of the slices."""
    return Figures(
        counted=sum(each.counted for each in slices),
        given=sum(each.given for each in slices),
        seconds=sum(each.seconds for each in slices),
        p50=median(each.p50 for each in slices),
        p95=median(each.p95 for each in slices),
        p99=median(each.p99 for each in slices),
        cpu_seconds={
            server: sum(each.cpu_seconds[server] for each in slices)
            for server in slices[0].cpu_seconds
        },
    )


def generator() -> str:
    """The name and version of the load generator; raises NoLoadGenerator."""
    if shutil.which("wrk") is None:
        raise NoLoadGenerator("wrk is needed to load the API (Debian's package wrk)")
    said = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
    return (said.stdout + said.stderr).splitlines()[0].split(" [")[0]


class WrkLoad:
    """Sends the requests of one site's players."""

    def __init__(self, site: BenchSite, access: Mapping[str, str], folder: Path) -> None:
        self._site = site
        self._folder = Path(mkdtemp(prefix="load-", dir=folder))
        self._access = self._folder / "access"
        self._access.write_text("".join(f"{user}\t{token}\n" for user, token in access.items()))
        self._unspent: list[str] = []

    def ask(self, connections: int, seconds: float) -> Figures:
        """Ask for action tokens for one player after the other, and keep them for spend()."""
        replies = self._folder / "replies"
        figures = self._run(connections, seconds, REPLIES=str(replies))
        self._unspent += replies.read_text().splitlines()
        return figures

    def provide(self, number: int) -> None:
        """Ask for tokens until there are `number` of them."""
        while len(self._unspent) < number:
            self.ask(16, 5)

    def spend(self, connections: int, seconds: float) -> Figures:
        """Spend tokens that were issued in advance, each once."""
        tokens = self._folder / "tokens"
        tokens.write_text("".join(f"{line}\n" for line in self._unspent))
        figures = self._run(connections, seconds, TOKENS=str(tokens))
        if figures.given:
            raise RuntimeError("the tokens ran out: provide more")
        # Requests that had no answer at the end may have been counted too.
        del self._unspent[: figures.counted + connections]
        return figures

    def play(self, connections: int, seconds: float) -> Figures:
        """Ask for tokens and spend each one, as a player does."""
        return self._run(connections, seconds, ROUNDS="1")

    def report(
        self, connections: int, seconds: float, *, acts: int, key: str, board: str
    ) -> Figures:
        """Report scores of a service in calls of `acts` acts; `counted` is the number of acts."""
        variables = {"ACTS": str(acts), "KEY": key, "BOARD": board}
        return self._run(connections, seconds, "scores.lua", **variables)

    def _run(
        self, connections: int, seconds: float, script: str = "requests.lua", **variables: str
    ) -> Figures:
        found = self._folder / "figures"
        environment = {
            **os.environ,
            "ACCESS": str(self._access),
            "TOKENS": "",
            "ROUNDS": "0",
            "REPLIES": "",
            "FIGURES": str(found),
            **variables,
        }
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout=10s", "-s"]
        before = cpu_seconds(self._site.roots)
        subprocess.run(
            [*command, str(SCRIPTS / script), self._site.url],
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        after = cpu_seconds(self._site.roots)
        results = json.loads(found.read_text())
        if results.pop("refused") or results.pop("broken"):
            raise RuntimeError(f"refused or broken: {self._site.end_of_log()}")
        used = {server: after[server] - before[server] for server in after}
        return Figures(**results, cpu_seconds=used)
