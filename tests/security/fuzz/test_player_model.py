"""Tokens, limits, flags, bans and sessions equal a small model, after any sequence of events.

PostgreSQL and Redis are real. Only Redis' clock, which decides about windows and flags, is set.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from app.audit.audited_change import Initiator
from app.contract.errors import DomainError, SessionRevoked, UserBanned
from app.scoring.action_tokens import ActionToken, ActionTokenCodec
from tests.app.fraud.clock import SettableClock, settable_clock
from tests.security.fuzz.effort import sequences
from tests.support.environment import base_environment
from tests.support.players import PASSWORD, Person
from tests.support.servers import Stores, empty
from tests.support.services import Services

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

TOKENS, INCREMENTS, WINDOW, LIFETIME = 4, 3, 60_000, 60_000
SETTLED = LIFETIME + 10_000
REPEATS, REPEAT_WINDOW = 20, 10_000
OPERATOR = Initiator("operator:test", "because")


class PlayerMachine(RuleBasedStateMachine):
    """One player, another player that tries to use the tokens of the first, and an operator."""

    services: ClassVar[Services]
    redis_url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        empty(self.redis_url)
        self.clock = SettableClock(self.services.redis)
        self.person = Person.register(self.services)
        self.thief = Person.register(self.services)
        self.identity = self.person.identity
        self.codec = ActionTokenCodec(base_environment()["ACTION_TOKEN_SECRET"].encode())
        # The model: the time of each charge, and the tokens.
        self.charges: dict[str, dict[str, int]] = {"token": {}, "increment": {}}
        self.repeats: list[int] = []
        self.good: dict[str, int] = {}
        self.used: dict[str, int] = {}
        self.known_used: set[str] = set()
        self.score = 0
        self.banned = self.ended = False
        self.flagged_at = self.flagged_until = 0

    def tick(self) -> None:
        """Move the clock forward, at least to PostgreSQL's time."""
        self.clock.set(max(self.clock.now + 1, int(time.time() * 1000)))

    def denial(self) -> str | None:
        """The error code of every call, if the player is banned or the session has ended."""
        if self.banned:
            return UserBanned.code
        return SessionRevoked.code if self.ended else None

    def full(self, kind: str) -> bool:
        """Whether the limit allows no attempt now."""
        now, made = self.clock.now, self.charges[kind].values()
        amount = TOKENS if kind == "token" else INCREMENTS
        if sum(at > now - WINDOW for at in made) >= amount:
            return True
        if self.flagged_until <= now:
            return False
        since = max(now - WINDOW, self.flagged_at)
        return sum(at > since for at in made) >= max(1, amount // 2)

    def spend(self, token: str) -> tuple[str, int]:
        """The answer's code and score; 0 if it has no score."""
        try:
            outcome = self.services.scoring.increment(self.identity, token).outcome
        except DomainError as error:
            return error.code, (error.details or {}).get("newScore", 0)
        return "counted", outcome.score

    def expected(self, token: str, issued_at: int, verdict: str) -> str:
        """The code that spending this signed token must give; charges it in the model."""
        if denial := self.denial():
            return denial
        now = self.clock.now
        charged = self.charges["increment"].get(token, 0) > now - WINDOW
        if not charged and now - issued_at <= SETTLED and token not in self.known_used:
            if self.full("increment"):
                return "RATE_LIMITED"
            self.charges["increment"][token] = now
            self.known_used.add(token)
        elif sum(at > now - REPEAT_WINDOW for at in self.repeats) >= REPEATS:
            return "RATE_LIMITED"
        else:
            self.repeats.append(now)
        return verdict

    @rule()
    def ask(self) -> None:
        self.tick()
        expected = self.denial() or ("RATE_LIMITED" if self.full("token") else None)
        try:
            issued = self.services.scoring.issue_token(self.identity)
        except DomainError as error:
            assert error.code == expected
            return
        assert expected is None
        self.charges["token"][issued.text] = self.clock.now
        self.good[issued.text] = self.clock.now

    @precondition(lambda self: self.good)
    @rule(number=st.integers(0, 99))
    def spend_a_good_token(self, number: int) -> None:
        self.tick()
        token = sorted(self.good)[number % len(self.good)]
        expected = self.expected(token, self.good[token], "counted")
        assert self.spend(token)[0] == expected
        if expected == "counted":
            self.score += 1
            self.used[token] = self.score
            self.issued = getattr(self, "issued", {}) | {token: self.good.pop(token)}

    @precondition(lambda self: self.used)
    @rule(number=st.integers(0, 99))
    def spend_a_used_token(self, number: int) -> None:
        self.tick()
        token = sorted(self.used)[number % len(self.used)]
        expected = self.expected(token, self.issued[token], "TOKEN_USED")
        first = self.used[token] if expected == "TOKEN_USED" else 0
        assert self.spend(token) == (expected, first)

    @rule()
    def spend_an_old_token(self) -> None:
        self.tick()
        issued_at = int(time.time() * 1000) - LIFETIME - 1
        token = ActionToken(self.person.user_id, issued_at, self.codec.new_nonce())
        text = self.codec.encode(token)
        assert self.spend(text) == (self.expected(text, issued_at, "TOKEN_EXPIRED"), 0)

    @rule(kind=st.sampled_from(["nonsense", "other secret", "another user's"]))
    def spend_a_forged_token(self, kind: str) -> None:
        self.tick()
        token = ActionToken(self.person.user_id, self.clock.now, self.codec.new_nonce())
        text = {
            "nonsense": lambda: "x.y",
            "other secret": lambda: ActionTokenCodec(b"x" * 32).encode(token),
            "another user's": lambda: self.codec.encode(
                ActionToken(self.thief.user_id, self.clock.now, self.codec.new_nonce())
            ),
        }[kind]()
        full = "RATE_LIMITED" if self.full("increment") else "TOKEN_INVALID"
        assert self.spend(text) == (self.denial() or full, 0)

    @rule(seconds=st.sampled_from([1, 29, 30, 59, 60, 75]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds * 1000)

    @rule()
    def redis_loses_everything(self) -> None:
        now = self.clock.now
        empty(self.redis_url)
        self.clock.set(now)
        self.charges = {"token": {}, "increment": {}}
        self.known_used.clear()
        self.repeats.clear()

    @rule(seconds=st.sampled_from([30, 3600]))
    def flag(self, seconds: int) -> None:
        self.tick()
        self.services.moderation.flag(OPERATOR, self.person.user_id, seconds)
        self.read_flag()
        assert self.banned == (self.flagged_until == 0)

    @rule()
    def unflag(self) -> None:
        self.services.moderation.unflag(OPERATOR, self.person.user_id)
        self.read_flag()
        assert self.flagged_until == 0

    @rule()
    def ban(self) -> None:
        self.services.moderation.ban(OPERATOR, self.person.user_id)
        self.banned = self.ended = True
        self.read_flag()

    @precondition(lambda self: self.banned)
    @rule()
    def unban(self) -> None:
        self.services.moderation.unban(OPERATOR, self.person.user_id)
        self.banned = False
        self.read_flag()

    @precondition(lambda self: not self.banned)
    @rule()
    def log_in(self) -> None:
        tokens = self.services.accounts.log_in(self.person.username, PASSWORD).tokens
        self.identity = self.services.verifier.verify(tokens.access_token, "access")
        self.ended = False

    @precondition(lambda self: not self.ended)
    @rule()
    def log_out(self) -> None:
        self.services.sessions.end(self.identity)
        self.ended = True

    def read_flag(self) -> None:
        account = self.services.moderation.find(self.person.user_id).account
        flagged = account.status == "flagged"
        self.flagged_at = account.flagged_at if flagged else 0
        self.flagged_until = account.flagged_until if flagged else 0

    @invariant()
    def the_score_is_what_was_counted(self) -> None:
        user = self.services.moderation.find(self.person.user_id)
        assert user.score == self.score
        assert user.account.banned == self.banned


def test_after_any_sequence_of_events_the_answers_are_those_of_the_model(
    make_services: Callable[..., Services], stores: Stores
) -> None:
    with settable_clock():
        PlayerMachine.services = make_services(
            TOKEN_LIMIT=f"{TOKENS} per minute", INCREMENT_LIMIT=f"{INCREMENTS} per minute"
        )
    PlayerMachine.redis_url = stores.redis_url
    run(PlayerMachine, settings=sequences(15, 40))
