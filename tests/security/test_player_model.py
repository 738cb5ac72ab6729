"""Tokens, limits, flags, bans and sessions against a model of a page, in any order of events.

On real PostgreSQL and Redis; only Redis' clock, by which windows and flags are judged, is set.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from app.composition import Services
from app.contract.errors import DomainError, SessionRevoked, UserBanned
from app.services.action_tokens import ActionToken, ActionTokenCodec
from app.services.moderation import Act
from tests.app.fraud.clock import SetClock
from tests.app.people import PASSWORD, Person
from tests.environment import base_environment
from tests.security.effort import sequences
from tests.servers import Stores, empty

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

TOKENS, INCREMENTS, WINDOW, LIFE = 4, 3, 60_000, 60_000
SETTLED = LIFE + 10_000
ACT = Act("test", "because")


class PlayerMachine(RuleBasedStateMachine):
    """One player, one who would steal from them, and an operator."""

    services: ClassVar[Services]
    redis_url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        empty(self.redis_url)
        admission = self.services.scoring._admission
        self.clock = SetClock(self.services.redis, admission)
        self.person = Person.register(self.services)
        self.thief = Person.register(self.services)
        self.identity = self.person.identity
        self.codec = ActionTokenCodec(base_environment()["ACTION_TOKEN_SECRET"].encode())
        # What the model knows: when each charge was made, and which tokens there are.
        self.charges: dict[str, dict[str, int]] = {"token": {}, "increment": {}}
        self.good: dict[str, int] = {}
        self.used: dict[str, int] = {}
        self.known_used: set[str] = set()
        self.score = 0
        self.banned = self.ended = False
        self.flagged_at = self.flagged_until = 0

    def tick(self) -> None:
        """Time never stands still, and is never behind PostgreSQL's."""
        self.clock.set(max(self.clock.now + 1, int(time.time() * 1000)))

    def closed(self) -> str | None:
        if self.banned:
            return UserBanned.code
        return SessionRevoked.code if self.ended else None

    def full(self, kind: str) -> bool:
        """Whether the limit lets nothing more through now."""
        now, made = self.clock.now, self.charges[kind].values()
        amount = TOKENS if kind == "token" else INCREMENTS
        if sum(at > now - WINDOW for at in made) >= amount:
            return True
        if self.flagged_until <= now:
            return False
        since = max(now - WINDOW, self.flagged_at)
        return sum(at > since for at in made) >= max(1, amount // 2)

    def spend(self, token: str) -> tuple[str, int]:
        """The answer's code and score, 0 where there is none."""
        try:
            outcome = self.services.scoring.increment(self.identity, token).outcome
        except DomainError as error:
            return error.code, (error.details or {}).get("newScore", 0)
        return "counted", outcome.score

    def expected(self, token: str, issued_at: int, fate: str) -> str:
        """What spending this well signed token has to say; charges it in the model."""
        if closed := self.closed():
            return closed
        now = self.clock.now
        charged = self.charges["increment"].get(token, 0) > now - WINDOW
        if not charged and now - issued_at <= SETTLED and token not in self.known_used:
            if self.full("increment"):
                return "RATE_LIMITED"
            self.charges["increment"][token] = now
            self.known_used.add(token)
        return fate

    @rule()
    def ask(self) -> None:
        self.tick()
        expected = self.closed() or ("RATE_LIMITED" if self.full("token") else None)
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
        issued_at = int(time.time() * 1000) - LIFE - 1
        token = ActionToken(self.person.user_id, issued_at, self.codec.new_nonce())
        text = self.codec.encode(token)
        assert self.spend(text) == (self.expected(text, issued_at, "TOKEN_EXPIRED"), 0)

    @rule(kind=st.sampled_from(["nonsense", "other secret", "somebody else's"]))
    def spend_a_forged_token(self, kind: str) -> None:
        self.tick()
        token = ActionToken(self.person.user_id, self.clock.now, self.codec.new_nonce())
        text = {
            "nonsense": lambda: "x.y",
            "other secret": lambda: ActionTokenCodec(b"x" * 32).encode(token),
            "somebody else's": lambda: self.codec.encode(
                ActionToken(self.thief.user_id, self.clock.now, self.codec.new_nonce())
            ),
        }[kind]()
        full = "RATE_LIMITED" if self.full("increment") else "TOKEN_INVALID"
        assert self.spend(text) == (self.closed() or full, 0)

    @rule(seconds=st.sampled_from([1, 29, 30, 59, 60, 75]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds * 1000)

    @rule()
    def redis_forgets_everything(self) -> None:
        now = self.clock.now
        empty(self.redis_url)
        self.clock.set(now)
        self.charges = {"token": {}, "increment": {}}
        self.known_used.clear()

    @rule(seconds=st.sampled_from([30, 3600]))
    def flag(self, seconds: int) -> None:
        self.tick()
        self.services.moderation.flag(ACT, self.person.user_id, seconds)
        self.read_flag()
        assert self.banned == (self.flagged_until == 0)

    @rule()
    def unflag(self) -> None:
        self.services.moderation.unflag(ACT, self.person.user_id)
        self.read_flag()
        assert self.flagged_until == 0

    @rule()
    def ban(self) -> None:
        self.services.moderation.ban(ACT, self.person.user_id)
        self.banned = self.ended = True
        self.read_flag()

    @precondition(lambda self: self.banned)
    @rule()
    def unban(self) -> None:
        self.services.moderation.unban(ACT, self.person.user_id)
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


def test_whatever_happens_the_answers_are_those_of_the_model(
    make_services: Callable[..., Services], stores: Stores
) -> None:
    PlayerMachine.services = make_services(
        TOKEN_LIMIT=f"{TOKENS} per minute", INCREMENT_LIMIT=f"{INCREMENTS} per minute"
    )
    PlayerMachine.redis_url = stores.redis_url
    run(PlayerMachine, settings=sequences(15, 40))
