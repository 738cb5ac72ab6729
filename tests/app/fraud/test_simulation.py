"""The simulation of bench/fraud does what the real admit.lua and the real consequences do."""

from __future__ import annotations

from itertools import count
from random import Random

import pytest
from limits import RateLimitItem, parse_many

from app.composition import Services
from app.contract.keys import ActionKind
from app.fraud.rules import RapidRequests
from app.stores.admission import Admission, AdmissionStore, Attempt
from app.stores.crowds import Crowds
from app.stores.users import Account
from bench.fraud.admission import Limits, PlayerModel
from bench.fraud.players import Attempts, human
from bench.fraud.trial import Crowd, try_address
from tests.app.fraud.attempting import actions, ask
from tests.app.fraud.clock import SetClock
from tests.app.people import Person

SEQUENCES, ATTEMPTS = 300, 60
# Small numbers, so that a short sequence meets every edge; two limits, so that both must hold.
RATES: dict[ActionKind, tuple[RateLimitItem, ...]] = {
    "token": tuple(parse_many("3 per 5 seconds;6 per minute")),
    "increment": tuple(parse_many("5 per minute")),
}
LIMITS: Limits = {
    kind: [(item.amount, item.get_expiry() * 1000) for item in RATES[kind]] for kind in RATES
}
FRAUD_WINDOW, RHYTHM = 10_000, 5
PAUSES = (0, 0, 1, 7, 400, 1_000, 4_999, 5_000, 9_999, 10_000, 10_001, 55_000, 60_000)
REPEATS_WITHIN = 50_000


def compare_one_sequence(
    services: Services, clock: SetClock, store: AdmissionStore, seed: int
) -> int:
    """One random player; how many attempts were limited."""
    chance, person = Random(seed), Person.register(services)
    model = PlayerModel(LIMITS, FRAUD_WINDOW, RHYTHM)
    asked: dict[int, int] = {}
    limited = 0
    for number in range(ATTEMPTS):
        clock.advance(chance.choice(PAUSES))
        kind: ActionKind = chance.choice(("token", "increment"))
        young = [each for each, at in asked.items() if clock.now - at < REPEATS_WITHIN]
        # The same increment again, as after a lost answer; a token request is always a new one.
        repeated = kind == "increment" and young and chance.random() < 0.4
        nonce = chance.choice(young) if repeated else number
        if kind == "increment":
            asked.setdefault(nonce, clock.now)
        identity = person.identity
        real = store.admit(
            Attempt(
                identity.user_id,
                identity.session_id,
                kind,
                "issue" if kind == "token" else "spend",
                f"{kind}-{nonce}",
                asked.get(nonce, 0),
            )
        )
        assert isinstance(real, Admission)
        expected = model.admit(kind, nonce, clock.now)
        window = real.window
        assert (
            real.verdict == "limited",
            real.allowance.retry_after if real.verdict == "limited" else 0,
            window.attempts,
            window.start,
            window.now,
            window.times,
            real.flagged,
        ) == (
            expected.wait > 0,
            -(-expected.wait // 1000),
            expected.attempts,
            expected.window_start,
            clock.now,
            tuple(expected.times),
            expected.flagged,
        ), (seed, number)
        limited += expected.wait > 0
        if chance.random() < 0.1:
            store.forget_attempts(person.user_id, kind, clock.now)
            model.forget_attempts(kind, clock.now)
        if chance.random() < 0.05:
            life = chance.choice((1_000, 30_000, 3_600_000))
            account = Account("flagged", 1 + number, clock.now, clock.now + life)
            services.sessions._cache.remember_account(person.user_id, account)
            model.flag(clock.now, life)
    return limited


@pytest.mark.slow
def test_the_model_of_admission_is_admit_lua(services: Services) -> None:
    store = AdmissionStore(services.redis, RATES, FRAUD_WINDOW, 60_000, RHYTHM)
    clock = SetClock(services.redis, store)
    limited = [compare_one_sequence(services, clock, store, seed) for seed in range(SEQUENCES)]
    # Else the sequences would show little.
    assert SEQUENCES * ATTEMPTS * 0.1 < sum(limited) < SEQUENCES * ATTEMPTS * 0.9


@pytest.mark.parametrize("pause", [400, 1_240, 1_260])
def test_a_simulated_bot_fares_as_a_real_one(
    watched: Services, clock: SetClock, pause: int
) -> None:
    person = Person.register(watched)
    for _ in range(60):
        ask(person)
        clock.advance(pause)

    def bot(_: Random) -> Attempts:
        for number in count():
            yield number * pause, "token", number

    (record,) = try_address([bot], RapidRequests(8, 10), Random(0))
    assert (record.events, record.banned) == (len(actions(person)), "BAN" in actions(person))


def test_the_model_of_a_crowd_counts_as_note_crowd_does(services: Services) -> None:
    chance, real, model = Random(1), Crowds(services.redis), Crowd()
    for _ in range(200):
        player = chance.randrange(12)
        assert real.note("192.0.2.1", str(player)) == model.note(player, 0)


def test_a_player_plays_the_same_game_with_the_same_seed() -> None:
    games = [try_address([human], RapidRequests(8, 10), Random(7)) for _ in range(2)]
    assert games[0] == games[1]
