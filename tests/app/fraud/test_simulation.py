"""The models of bench/fraud do the same as the scripts and sanctions of production."""

from __future__ import annotations

from itertools import count
from random import Random

import pytest
from limits import RateLimitItem, parse_many

from app.accounts.session_cache import SessionCache
from app.accounts.user_rows import Account
from app.contract.keys import ActionKind
from app.fraud.address_activity import AddressActivity
from app.fraud.attempt_window import AttemptWindows
from app.fraud.rules import RapidRequests
from app.scoring.admission import Admission, AdmissionStore, Attempt
from bench.fraud.admission import Limits, PlayerModel
from bench.fraud.players import Attempts, human
from bench.fraud.simulation import AddressModel, simulate_address
from tests.app.fraud.attempts import actions, ask
from tests.app.fraud.clock import SettableClock
from tests.support.players import Person
from tests.support.services import Services

SEQUENCES, ATTEMPTS = 300, 60
# Small numbers, so that a short sequence reaches every edge; two limits, so that both must hold.
RATES: dict[ActionKind, tuple[RateLimitItem, ...]] = {
    "token": tuple(parse_many("3 per 5 seconds;6 per minute")),
    "increment": tuple(parse_many("5 per minute")),
}
LIMITS: Limits = {
    kind: [(item.amount, item.get_expiry() * 1000) for item in RATES[kind]] for kind in RATES
}
FRAUD_WINDOW, ATTEMPT_TIMES = 10_000, 5
PAUSES = (0, 0, 1, 7, 400, 1_000, 4_999, 5_000, 9_999, 10_000, 10_001, 55_000, 60_000)
REPEATS_WITHIN = 50_000


def compare_one_sequence(
    services: Services, clock: SettableClock, store: AdmissionStore, seed: int
) -> int:
    """Compare the attempts of a random player; the number of limited attempts."""
    chance, person = Random(seed), Person.register(services)
    windows, cache = AttemptWindows(services.redis), SessionCache(services.redis, 900)
    model = PlayerModel(LIMITS, FRAUD_WINDOW, ATTEMPT_TIMES)
    asked: dict[int, int] = {}
    limited = 0
    for number in range(ATTEMPTS):
        clock.advance(chance.choice(PAUSES))
        kind: ActionKind = chance.choice(("token", "increment"))
        recent = [each for each, at in asked.items() if clock.now - at < REPEATS_WITHIN]
        # An increment may be repeated, as after a lost answer. A token request is always new.
        repeated = kind == "increment" and recent and chance.random() < 0.4
        nonce = chance.choice(recent) if repeated else number
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
            real.rate_limit.retry_after if real.verdict == "limited" else 0,
            window.attempts,
            window.start,
            window.now,
            window.attempt_times,
            real.flagged,
        ) == (
            expected.wait > 0,
            -(-expected.wait // 1000),
            expected.attempts,
            expected.window_start,
            clock.now,
            tuple(expected.attempt_times),
            expected.flagged,
        ), (seed, number)
        limited += expected.wait > 0
        if chance.random() < 0.1:
            until = clock.now - chance.choice(PAUSES)
            windows.forget(person.user_id, kind, until)
            model.forget_attempts(kind, until)
        if chance.random() < 0.05:
            duration = chance.choice((1_000, 30_000, 3_600_000))
            account = Account("flagged", 1 + number, clock.now, clock.now + duration)
            cache.store_account(person.user_id, account)
            model.flag(clock.now, duration)
    return limited


@pytest.mark.slow
def test_the_model_of_admission_replies_as_admit_lua_does(services: Services) -> None:
    store = AdmissionStore(services.redis, RATES, FRAUD_WINDOW, 60_000, ATTEMPT_TIMES)
    clock = SettableClock(services.redis)
    limited = [compare_one_sequence(services, clock, store, seed) for seed in range(SEQUENCES)]
    # With nearly none or nearly all attempts limited the sequences would prove little.
    assert SEQUENCES * ATTEMPTS * 0.1 < sum(limited) < SEQUENCES * ATTEMPTS * 0.9


@pytest.mark.parametrize("pause", [400, 1_240, 1_260])
def test_a_simulated_bot_gets_the_sanctions_of_a_real_one(
    watched: Services, clock: SettableClock, pause: int
) -> None:
    person = Person.register(watched)
    for _ in range(100):
        ask(person)
        clock.advance(pause)

    def bot(_: Random) -> Attempts:
        for number in count():
            yield number * pause, "token", number

    (record,) = simulate_address([bot], RapidRequests(8, 10), Random(0))
    assert (record.events, record.banned) == (len(actions(person)), "BAN" in actions(person))


def test_the_model_of_an_address_counts_as_record_address_does(services: Services) -> None:
    chance, real, model = Random(1), AddressActivity(services.redis), AddressModel()
    for _ in range(200):
        player = chance.randrange(12)
        assert real.record("192.0.2.1", str(player)) == model.record(player, 0)


def test_the_same_seed_gives_the_same_simulation() -> None:
    runs = [simulate_address([human], RapidRequests(8, 10), Random(7)) for _ in range(2)]
    assert runs[0] == runs[1]
