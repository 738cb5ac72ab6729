"""Players of one address before the real rules, with the consequences that Judge carries out."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from app.contract.keys import ActionKind
from app.fraud.configured import CLOCKWORK_ATTEMPTS, DAY_SECONDS
from app.fraud.judge import Consequences
from app.fraud.rules import Observation, Rule
from app.stores.crowds import CROWD_SECONDS
from bench.fraud.admission import Limits, PlayerModel
from bench.fraud.players import Behaviour
from config.settings import VARIABLES

SIMULATED_MS = 10 * 60_000


def _default(name: str) -> Any:
    (variable,) = (each for each in VARIABLES if each.name == name)
    assert variable.default is not None
    return variable.parse(variable.default)


def _limit(name: str) -> list[tuple[int, int]]:
    return [(item.amount, item.get_expiry() * 1000) for item in _default(name)]


RAPID_MAX, RAPID_SECONDS = _default("FRAUD_RAPID_MAX"), _default("FRAUD_RAPID_SECONDS")
LIMITS: Limits = {"token": _limit("TOKEN_LIMIT"), "increment": _limit("INCREMENT_LIMIT")}
CONSEQUENCES = Consequences(
    _default("FRAUD_BAN_AFTER"), DAY_SECONDS, _default("FRAUD_FLAG_SECONDS")
)


@dataclass
class Record:
    """What became of one player."""

    attempts: int = 0
    points: int = 0
    events: int = 0
    banned: bool = False
    judged_until: dict[ActionKind, int] = field(default_factory=dict)


class Crowd:
    """What note_crowd.lua keeps of one address."""

    def __init__(self) -> None:
        self._last: OrderedDict[int, int] = OrderedDict()

    def note(self, player: int, now: int) -> int:
        """Note that the player acts; how many did in the last minute."""
        self._last[player] = now
        self._last.move_to_end(player)
        while next(iter(self._last.values())) <= now - CROWD_SECONDS * 1000:
            self._last.popitem(last=False)
        return len(self._last)


def try_address(behaviours: Sequence[Behaviour], rule: Rule, chance: Random) -> list[Record]:
    """Let the players of one address act for SIMULATED_MS, watched by one rule."""
    players = [behaviour(chance) for behaviour in behaviours]
    models = [PlayerModel(LIMITS, RAPID_SECONDS * 1000, CLOCKWORK_ATTEMPTS) for _ in behaviours]
    records = [Record() for _ in behaviours]
    crowd = Crowd()
    # By time; the player's number decides between equals, so nothing after it is compared.
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
            admitted.times,
            crowd.note(number, now) if len(players) > 1 else 1,
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
    """As Judge does, for attempts that come one after the other."""
    if record.judged_until.get(observation.kind, -1) >= since:
        return
    record.events += 1
    record.judged_until[observation.kind] = observation.now
    record.banned = record.events >= CONSEQUENCES.ban_after
    model.flag(observation.now, CONSEQUENCES.flag_seconds * 1000)
    model.forget_attempts(observation.kind, observation.now)
