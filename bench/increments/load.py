"""The load: wrk, one thread of C and LuaJIT, sends over connections that it keeps open."""

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

from bench.increments.processor import spent
from bench.increments.site import Site

SCRIPT = Path(__file__).parent / "wrk" / "requests.lua"


class NoLoadGenerator(Exception):
    """wrk is not installed."""


@dataclass(frozen=True)
class Figures:
    """What one load showed: answers of each kind, latencies in ms, CPU in seconds by process."""

    counted: int
    """Increments."""
    given: int
    """Action tokens."""
    seconds: float
    p50: float
    p95: float
    p99: float
    processor: Mapping[str, float]

    def rate(self, answers: int) -> float:
        """So many answers as a number a second."""
        return answers / self.seconds

    def each(self, kind: str, answers: int) -> float:
        """CPU of that kind of process in µs for each of so many answers."""
        return self.processor[kind] / answers * 1e6


def together(slices: Sequence[Figures]) -> Figures:
    """The figures of a load in slices; latencies are those of the middle one."""
    return Figures(
        counted=sum(each.counted for each in slices),
        given=sum(each.given for each in slices),
        seconds=sum(each.seconds for each in slices),
        p50=median(each.p50 for each in slices),
        p95=median(each.p95 for each in slices),
        p99=median(each.p99 for each in slices),
        processor={
            kind: sum(each.processor[kind] for each in slices) for kind in slices[0].processor
        },
    )


def generator() -> str:
    """Which load generator this is; raises NoLoadGenerator."""
    if shutil.which("wrk") is None:
        raise NoLoadGenerator("wrk is needed to load the API (Debian's package wrk)")
    said = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
    return (said.stdout + said.stderr).splitlines()[0].split(" [")[0]


class Load:
    """Drives one site as its players do."""

    def __init__(self, site: Site, access: Mapping[str, str], folder: Path) -> None:
        self._site = site
        self._folder = Path(mkdtemp(prefix="load-", dir=folder))
        self._access = self._folder / "access"
        self._access.write_text("".join(f"{user}\t{token}\n" for user, token in access.items()))
        self._unspent: list[str] = []

    def ask(self, connections: int, seconds: float) -> Figures:
        """Ask for action tokens, each time for the next player; they are kept for spend()."""
        replies = self._folder / "replies"
        figures = self._run(connections, seconds, REPLIES=str(replies))
        self._unspent += replies.read_text().splitlines()
        return figures

    def provide(self, number: int) -> None:
        """Have so many tokens at hand."""
        while len(self._unspent) < number:
            self.ask(16, 5)

    def spend(self, connections: int, seconds: float) -> Figures:
        """Spend tokens that were issued beforehand, each once."""
        tokens = self._folder / "tokens"
        tokens.write_text("".join(f"{line}\n" for line in self._unspent))
        figures = self._run(connections, seconds, TOKENS=str(tokens))
        if figures.given:
            raise RuntimeError("the tokens ran out: have more of them at hand")
        # Those under way at the end may have been spent too.
        del self._unspent[: figures.counted + connections]
        return figures

    def play(self, connections: int, seconds: float) -> Figures:
        """Ask for tokens and spend each, as a player does."""
        return self._run(connections, seconds, ROUNDS="1")

    def _run(self, connections: int, seconds: float, **variables: str) -> Figures:
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
        before = spent(self._site.roots)
        subprocess.run(
            [*command, str(SCRIPT), self._site.url],
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        after = spent(self._site.roots)
        told = json.loads(found.read_text())
        if told.pop("refused") or told.pop("broken"):
            raise RuntimeError(f"refused or broken: {self._site.last_words()}")
        return Figures(**told, processor={kind: after[kind] - before[kind] for kind in after})
