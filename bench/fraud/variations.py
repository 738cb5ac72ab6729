"""The least variation of each player, which shows the players that a threshold would accuse."""

from __future__ import annotations

from math import inf
from random import Random

from app.fraud.configuration import REGULAR_INTERVAL_ATTEMPTS
from app.fraud.rules import Finding, Observation, RegularIntervals
from bench.fraud.players import Behaviour
from bench.fraud.simulation import simulate_address


class LeastVariation:
    """A rule that never fires and stores the least variation that RegularIntervals measured."""

    def __init__(self) -> None:
        self._rule = RegularIntervals(REGULAR_INTERVAL_ATTEMPTS, inf)
        self.least = inf

    def judge(self, observation: Observation) -> Finding | None:
        finding = self._rule.judge(observation)
        if finding is not None:
            self.least = min(self.least, finding.evidence["variation"])
        return None


def least_variations(behaviour: Behaviour, players: int, chance: Random) -> list[float]:
    """The least variation of any 20 attempts of each player; infinite with fewer attempts."""
    rules = [LeastVariation() for _ in range(players)]
    for rule in rules:
        simulate_address([behaviour], rule, chance)
    return [rule.least for rule in rules]
