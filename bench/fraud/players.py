"""Behaviour of humans and bots: each player yields attempts and receives the replies."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from random import Random

from app.contract.keys import ActionKind
from bench.fraud.admission import ModelReply

Attempts = Generator[tuple[int, ActionKind, int], ModelReply, None]
"""Yields time in ms, kind and nonce of an attempt; receives the reply to it."""
Behaviour = Callable[[Random], Attempts]

TOKEN_LIFETIME = 60_000
CLICKS_OF_A_BURST = 5
SHARE_OF_BURSTS = 0.1
CLICKS_OF_RAGE = 12
_DELAY = math.log(50)


@dataclass
class Client:
    """A client: for each point it requests a token and spends it, over a network."""

    chance: Random
    now: int
    nonce: int = field(default=0, init=False)

    def act(self, *, patient: bool) -> Attempts:
        """Score one point; a patient client waits as Retry-After says, another one gives up."""
        while True:
            issued_at = self._arrive()
            self.nonce += 1
            token = self.nonce
            reply = yield issued_at, "token", token
            if not reply.wait:
                while (reply := (yield self._arrive(), "increment", token)).wait and patient:
                    self.now += _retry_after(reply)
                    if self.now - issued_at >= TOKEN_LIFETIME:
                        break
                else:
                    return
            elif patient:
                self.now += _retry_after(reply)
            else:
                return

    def _arrive(self) -> int:
        """Time at which the next request reaches the server: after about 50 ms, rarely far more."""
        self.now += math.ceil(math.exp(self.chance.gauss(_DELAY, 0.5)))
        return self.now


def _retry_after(reply: ModelReply) -> int:
    """The value of Retry-After, in ms."""
    return math.ceil(reply.wait / 1000) * 1000


def human(chance: Random) -> Attempts:
    """Log-normal pauses with a median of its own, sometimes five clicks in a row; patient.

    The medians are around 12 s, from about 3 s to about 50 s. A player that is faster than the
    limits waits as Retry-After says, and so stays within them.
    """
    client = Client(chance, chance.randrange(60_000))
    median, spread = chance.lognormvariate(math.log(12_000), 0.7), chance.uniform(0.4, 1.2)
    while True:
        for _ in range(CLICKS_OF_A_BURST if chance.random() < SHARE_OF_BURSTS else 1):
            yield from client.act(patient=True)
            client.now += round(chance.lognormvariate(math.log(200), 0.4))
        client.now += round(chance.lognormvariate(math.log(median), spread))


def raging_human(chance: Random) -> Attempts:
    """As human, but not patient: twelve clicks in a row are twelve requests."""
    client = Client(chance, chance.randrange(60_000))
    while True:
        for _ in range(CLICKS_OF_RAGE if chance.random() < SHARE_OF_BURSTS else 1):
            yield from client.act(patient=False)
            client.now += round(chance.lognormvariate(math.log(200), 0.4))
        client.now += round(chance.lognormvariate(math.log(12_000), 0.8))


def bot(interval: int, jitter: float = 0.0) -> Behaviour:
    """Acts every `interval` ms, varied by that share of it, whatever the replies are."""

    def attempts(chance: Random) -> Attempts:
        tick = float(chance.randrange(60_000))
        client = Client(chance, 0)
        while True:
            client.now = max(client.now, round(tick))
            yield from client.act(patient=False)
            tick += interval * max(0.0, chance.gauss(1.0, jitter)) if jitter else interval

    return attempts


def disguised_bot(chance: Random) -> Attempts:
    """A patient bot with random log-normal pauses around 12 s, as humans have them."""
    client = Client(chance, chance.randrange(60_000))
    while True:
        yield from client.act(patient=True)
        client.now += round(chance.lognormvariate(math.log(12_000), 0.5))
