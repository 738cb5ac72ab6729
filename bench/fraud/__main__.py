"""python -m bench.fraud: prints detection and false positives; exits 1 if Rule 1 accuses a human.

The seed is fixed, so each run prints the same numbers except for its duration.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from random import Random

from app.fraud.address_activity import ADDRESS_WINDOW_SECONDS
from app.fraud.configuration import REGULAR_INTERVAL_ATTEMPTS
from app.fraud.rules import RapidRequests, RegularIntervals, Rule, SharedAddress
from bench.fraud.players import Behaviour, bot, disguised_bot, human, raging_human
from bench.fraud.simulation import (
    RAPID_MAX,
    RAPID_SECONDS,
    SIMULATED_MS,
    Record,
    simulate_address,
)
from bench.fraud.variations import least_variations

SEED = 20261123
PLAYERS, PLAYERS_MEASURED = 10_000, 200
HUMANS = "humans"
POPULATIONS: dict[str, Behaviour] = {
    HUMANS: human,
    "humans who click in rage": raging_human,
    "bots, every 0.5 s": bot(500),
    "bots, every 1 s": bot(1_000),
    "bots, every 1.1 s": bot(1_100),
    "bots, every 2 s": bot(2_000),
    "bots, every 6 s": bot(6_000),
    "bots, every 12 s": bot(12_000),
    "bots, every 12 s, 1 % jitter": bot(12_000, 0.01),
    "bots, log-normal pauses": disguised_bot,
}
HOUSEHOLDS = (*(1,) * 60, *(2,) * 20, *(3,) * 10, *(4,) * 7, *(5,) * 3)
CLASS, FARM = 30, 20
RULES: dict[str, Rule] = {
    "rapid requests": RapidRequests(RAPID_MAX, RAPID_SECONDS),
    "clockwork 5 %": RegularIntervals(REGULAR_INTERVAL_ATTEMPTS, 0.05),
}
VARIATIONS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
MAX_ACCOUNTS = (3, 10, 30)


def main() -> int:
    """Print the three tables; 1 if Rule 1 accused a human, else 0."""
    started_at = time.monotonic()
    with ProcessPoolExecutor() as pool:
        trials = {
            (population, rule): pool.submit(try_alone, population, rule)
            for rule in RULES
            for population in POPULATIONS
        }
        variations = {each: pool.submit(measure_variation, each) for each in POPULATIONS}
        addresses = {
            (place, most): pool.submit(try_groups, place, most)
            for place in PLACES
            for most in MAX_ACCOUNTS
        }
        _print_rules(trials)
        _print_variations(variations)
        _print_addresses(addresses)
    accused = _share(trials[HUMANS, "rapid requests"].result(), events=1)
    print(f"\n{time.monotonic() - started_at:.0f} s. Humans accused by Rule 1: {accused:.2%}")
    return 1 if accused else 0


def try_alone(population: str, rule: str) -> list[Record]:
    """Simulate the players of a population, each alone at an address, with one rule."""
    chance = Random(f"{SEED} {population} {rule}")
    behaviour = POPULATIONS[population]
    return [simulate_address([behaviour], RULES[rule], chance)[0] for _ in range(PLAYERS)]


def measure_variation(population: str) -> list[float]:
    """The least variation of each of PLAYERS_MEASURED players."""
    chance = Random(f"{SEED} {population} rhythm")
    return least_variations(POPULATIONS[population], PLAYERS_MEASURED, chance)


def _home(chance: Random) -> tuple[Behaviour, ...]:
    return (human,) * chance.choice(HOUSEHOLDS)


def _class(_: Random) -> tuple[Behaviour, ...]:
    return (human,) * CLASS


def _farm(_: Random) -> tuple[Behaviour, ...]:
    return (disguised_bot,) * FARM


PLACES = {
    "humans, 1 to 5 at an address": _home,
    f"humans, {CLASS} at an address": _class,
    f"bots, log-normal, {FARM} at an address": _farm,
}


def try_groups(place: str, most: int) -> list[Record]:
    """Simulate the players of one kind of address with the crowd rule."""
    chance = Random(f"{SEED} {place} {most}")
    rule, records = SharedAddress(most, ADDRESS_WINDOW_SECONDS), list[Record]()
    while len(records) < PLAYERS:
        behaviours = PLACES[place](chance)
        # The rule can't fire for fewer accounts, so they need no simulation.
        fires = len(behaviours) > most
        records += (
            simulate_address(behaviours, rule, chance) if fires else map(_no_event, behaviours)
        )
    return records


def _no_event(_: Behaviour) -> Record:
    return Record()


def _print_rules(trials: dict[tuple[str, str], Future[list[Record]]]) -> None:
    minutes = SIMULATED_MS // 60_000
    print(f"{PLAYERS:,} players of each kind, {minutes} minutes, each rule alone")
    print(f"{'':32}" + "".join(f"{rule:>27}" for rule in RULES))
    print(f"{'':32}" + f"{'accused':>11}{'banned':>8}{'points':>8}" * len(RULES))
    for population in POPULATIONS:
        cells = []
        for rule in RULES:
            records = trials[population, rule].result()
            points = sum(record.points for record in records) / len(records)
            accused, banned = _share(records, events=1), _share(records, banned=True)
            cells.append(f"{accused:>11.2%}{banned:>8.1%}{points:>8.1f}")
        print(f"{population:32}" + "".join(cells), flush=True)


def _print_variations(variations: dict[str, Future[list[float]]]) -> None:
    attempts, players = REGULAR_INTERVAL_ATTEMPTS, PLAYERS_MEASURED
    print(f"\nLeast variation of any {attempts} attempts, {players:,} players:")
    print("share that a threshold would accuse")
    print(f"{'':32}" + "".join(f"{variation:>8.0%}" for variation in VARIATIONS))
    for population, variation in variations.items():
        least = variation.result()
        shares = [sum(each < most for each in least) / len(least) for most in VARIATIONS]
        print(f"{population:32}" + "".join(f"{share:>8.1%}" for share in shares))


def _print_addresses(addresses: dict[tuple[str, int], Future[list[Record]]]) -> None:
    print("\nThe crowd rule by the accounts that it allows at an address: accused, banned")
    print(f"{'':36}" + "".join(f"{most:>18}" for most in MAX_ACCOUNTS))
    for place in PLACES:
        cells = []
        for most in MAX_ACCOUNTS:
            records = addresses[place, most].result()
            cells.append(f"{_share(records, events=1):>10.1%}{_share(records, banned=True):>8.1%}")
        print(f"{place:36}" + "".join(cells))


def _share(records: Sequence[Record], *, events: int = 0, banned: bool = False) -> float:
    fitting = sum(each.events >= events and each.banned >= banned for each in records)
    return fitting / len(records)


if __name__ == "__main__":
    sys.exit(main())
