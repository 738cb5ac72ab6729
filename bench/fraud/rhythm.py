"""How steady each player ever is, with nobody judging: what a clockwork threshold would catch."""

from __future__ import annotations

from math import inf
from random import Random

from app.fraud.configured import CLOCKWORK_ATTEMPTS
from app.fraud.rules import Clockwork, Finding, Observation
from bench.fraud.players import Behaviour
from bench.fraud.trial import try_address


class Steadiness:
    """A rule that never fires and remembers the least variation that Clockwork measured."""

    def __init__(self) -> None:
        self._clockwork = Clockwork(CLOCKWORK_ATTEMPTS, inf)
        self.least = inf

    def judge(self, observation: Observation) -> Finding | None:
        finding = self._clockwork.judge(observation)
        if finding is not None:
            self.least = min(self.least, finding.evidence["variation"])
        return None


def least_variations(behaviour: Behaviour, players: int, chance: Random) -> list[float]:
    """The least variation of any 20 attempts of each player; infinite for who made fewer."""
    rules = [Steadiness() for _ in range(players)]
    for rule in rules:
        try_address([behaviour], rule, chance)
    return [rule.least for rule in rules]
