"""Simulates the players of one address, with the real rules and a model of the sanctions."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from app.fraud.address_activity import ADDRESS_WINDOW_SECONDS
from app.fraud.configuration import DAY_SECONDS, REGULAR_INTERVAL_ATTEMPTS
from app.fraud.judge import SanctionPolicy
from app.fraud.rules import Observation, Rule
from bench.fraud.admission import Limits, PlayerModel
from bench.fraud.players import Behaviour
from config.settings import VARIABLES

SIMULATED_MS = 15 * 60_000


def _default(name: str) -> Any:
    (variable,) = (each for each in VARIABLES if each.name == name)
    assert variable.default is not None
    return variable.parse(variable.default)


def _limit(name: str) -> list[tuple[int, int]]:
    return [(item.amount, item.get_expiry() * 1000) for item in _default(name)]


RAPID_MAX, RAPID_SECONDS = _default("FRAUD_RAPID_MAX"), _default("FRAUD_RAPID_SECONDS")
LIMITS: Limits = {"token": _limit("TOKEN_LIMIT"), "increment": _limit("INCREMENT_LIMIT")}
POLICY = SanctionPolicy(
    _default("FRAUD_BAN_AFTER"), DAY_SECONDS, _default("FRAUD_FLAG_SECONDS"), RAPID_SECONDS
)


@dataclass
class Record:
    """What happened to one player."""

    attempts: int = 0
    points: int = 0
    events: int = 0
    banned: bool = False
    count_from: int = 0
    """Time of the first attempt that may count for the next event."""


class AddressModel:
    """A model of record_address.lua, for one address."""

    def __init__(self) -> None:
        self._last: OrderedDict[int, int] = OrderedDict()

    def record(self, player: int, now: int) -> int:
        """Record that the player acts; the number of players in the last minute."""
        self._last[player] = now
        self._last.move_to_end(player)
        while next(iter(self._last.values())) <= now - ADDRESS_WINDOW_SECONDS * 1000:
            self._last.popitem(last=False)
        return len(self._last)


def simulate_address(behaviours: Sequence[Behaviour], rule: Rule, chance: Random) -> list[Record]:
    """Let the players of one address act for SIMULATED_MS, judged by one rule."""
    players = [behaviour(chance) for behaviour in behaviours]
    models = [
        PlayerModel(LIMITS, RAPID_SECONDS * 1000, REGULAR_INTERVAL_ATTEMPTS) for _ in behaviours
    ]
    records = [Record() for _ in behaviours]
    activity = AddressModel()
    # Ordered by time, then by the number of the player, which is unique.
    queue = [
        (at, number, kind, nonce)
        for number, player in enumerate(players)
        for at, kind, nonce in [next(player)]
    ]
    heapq.heapify(queue)
    while queue and queue[0][0] < SIMULATED_MS:
        now, number, kind, nonce = queue[0]
        model, record = models[number], records[number]
        admitted = model.admit(kind, nonce, now)
        record.attempts += 1
        observation = Observation(
            kind,
            admitted.attempts,
            admitted.window_start,
            now,
            admitted.attempt_times,
            activity.record(number, now) if len(players) > 1 else 1,
        )
        finding = rule.judge(observation)
        if finding is not None:
            _carry_out(model, record, observation, finding.since)
            if record.banned:
                heapq.heappop(queue)
                continue
        if kind == "increment" and not admitted.wait:
            record.points += 1
        at, kind, nonce = players[number].send(admitted)
        heapq.heapreplace(queue, (at, number, kind, nonce))
    return records


def _carry_out(model: PlayerModel, record: Record, observation: Observation, since: int) -> None:
    """As Judge does, for attempts one after the other."""
    if since < record.count_from:
        model.forget_attempts(observation.kind, record.count_from - 1)
        return
    record.events += 1
    record.count_from = observation.now + POLICY.gap_seconds * 1000
    record.banned = record.events >= POLICY.ban_after
    model.flag(observation.now, POLICY.flag_seconds * 1000)
    model.forget_attempts(observation.kind, observation.now)
