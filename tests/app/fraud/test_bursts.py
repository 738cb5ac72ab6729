"""Many attempts at once, in several processes: an event for a burst, not for each attempt."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from app.composition import Services
from app.contract.errors import RateLimited, UserBanned
from app.stores.admission import Admission, Attempt
from tests.app.fraud.attempting import actions
from tests.app.fraud.conftest import DESIGN_LIMITS, RULE_1
from tests.app.people import Person


def test_fifty_attempts_recorded_before_any_is_judged_are_one_event(
    make_services: Callable[..., Services],
) -> None:
    processes = [make_services(**RULE_1), make_services(**RULE_1)]
    person = Person.register(processes[0])
    windows = [admit(person).window for _ in range(50)]

    def judge(number: int) -> str:
        judge = processes[number % 2].scoring._judge
        return judge.judge(person.user_id, "token", windows[number], "")

    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(judge, range(50)))
    assert verdicts == [*["clear"] * 8, *["FLAG"] * 42]
    assert actions(person) == ["FLAG"]


def admit(person: Person) -> Admission:
    """Only the step in Redis of a token request."""
    scoring = person.services.scoring
    nonce = scoring._tokens.new_nonce()
    identity = person.identity
    admission = scoring._admission.admit(
        Attempt(identity.user_id, identity.session_id, "token", "issue", nonce)
    )
    assert isinstance(admission, Admission)
    return admission


def test_a_burst_at_once_of_less_than_two_is_one_event(
    make_services: Callable[..., Services],
) -> None:
    processes = [make_services(**RULE_1), make_services(**RULE_1)]
    for _ in range(5):
        person = Person.register(processes[0])

        def attempt(number: int, person: Person = person) -> None:
            processes[number % 2].scoring.issue_token(person.identity)

        with ThreadPoolExecutor(17) as pool:
            list(pool.map(attempt, range(17)))
        assert actions(person) == ["FLAG"]


def test_however_many_attempts_at_once_a_ban_is_the_third_event_and_the_last(
    make_services: Callable[..., Services],
) -> None:
    processes = [make_services(**RULE_1, **DESIGN_LIMITS) for _ in range(2)]
    person = Person.register(processes[0])

    def attempt(number: int) -> str:
        try:
            processes[number % 2].scoring.issue_token(person.identity)
        except RateLimited:
            return "limited"
        except UserBanned:
            return "banned"
        return "ok"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(attempt, range(400)))
    assert actions(person) == ["FLAG", "FLAG", "BAN"]
    assert answers[-1] == "banned"
    assert answers.count("ok") <= 10
