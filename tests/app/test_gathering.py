"""Requests side by side: which calls they make together, and what each gets of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import partial
from threading import Thread

import pytest

from app.gathering import APART, Answers, SharedCall, run_together


class Server:
    """What calls reached it, with the arguments of each."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[int]]] = []

    def call(self, name: str) -> SharedCall[int, int]:
        """A shared call that doubles each number, but for those below."""

        def together(numbers: Sequence[int]) -> Answers[int]:
            self.calls.append((name, list(numbers)))
            if 666 in numbers:
                raise ConnectionError("gone")
            return [self._answer(number, alone=len(numbers) == 1) for number in numbers]

        return SharedCall(together)

    @staticmethod
    def _answer(number: int, *, alone: bool) -> int | Exception:
        if number == 13:
            return ValueError("unlucky")
        if number >= 1000 and not alone:
            return APART  # type: ignore[return-value]
        return number * 2


def run(*requests: Callable[[], object]) -> list[object]:
    """What each did or raised, in the order in which they ended."""
    ended: list[object] = []

    def to_its_end(request: Callable[[], object]) -> None:
        try:
            ended.append(request())
        except (ValueError, ConnectionError) as error:
            ended.append(error)

    run_together([partial(to_its_end, request) for request in requests])
    return ended


def test_each_step_is_one_call_for_all_and_each_gets_its_own_answer() -> None:
    server = Server()
    first, second = server.call("first"), server.call("second")
    assert run(*(partial(lambda n: second(first(n) + 1), n) for n in (1, 2, 3))) == [6, 10, 14]
    assert server.calls == [("first", [1, 2, 3]), ("second", [3, 5, 7])]


def test_outside_of_it_a_call_is_made_alone() -> None:
    server = Server()
    call = server.call("call")
    assert call(21) == 42
    with pytest.raises(ValueError, match="unlucky"):
        call(13)
    assert server.calls == [("call", [21]), ("call", [13])]


def test_requests_that_take_other_ways_do_not_wait_for_the_same_step() -> None:
    server = Server()
    first, second = server.call("first"), server.call("second")
    ways = [lambda: second(first(1)), lambda: second(5), lambda: first(7), lambda: "no call"]
    assert run(*ways) == ["no call", 14, 10, 4]
    assert server.calls == [("first", [1, 7]), ("second", [5, 2])]


def test_an_error_is_of_that_request_alone() -> None:
    server = Server()
    call = server.call("call")
    *fine, failed = run(lambda: call(13), lambda: call(1), lambda: call(2))[::-1]
    assert (fine, type(failed)) == ([4, 2], ValueError)


def test_what_fails_as_a_whole_fails_for_each_and_only_at_that_step() -> None:
    server = Server()
    call, other = server.call("call"), server.call("other")
    unharmed, *failed = run(lambda: other(1), lambda: call(666), lambda: call(2))
    assert unharmed == 2
    assert [type(each) for each in failed] == [ConnectionError] * 2


def test_one_that_would_hold_the_others_up_comes_after_they_have_ended() -> None:
    server = Server()
    first, second = server.call("first"), server.call("second")
    requests = [partial(lambda n: second(first(n)), n) for n in (1000, 1, 1001, 2)]
    assert run(*requests) == [4, 8, 4000, 4004]
    assert server.calls == [
        ("first", [1000, 1, 1001, 2]),
        ("second", [2, 4]),
        ("first", [1000]),
        ("second", [2000]),
        ("first", [1001]),
        ("second", [2002]),
    ]


def test_each_request_has_context_variables_of_its_own() -> None:
    call = Server().call("call")
    who = ContextVar("who", default="nobody")

    def request(name: str) -> str:
        before = who.get()
        who.set(name)
        call(1)
        return f"{before} {who.get()}"

    assert run(partial(request, "a"), partial(request, "b")) == ["nobody a", "nobody b"]
    assert who.get() == "nobody"


def test_threads_that_run_requests_together_share_nothing() -> None:
    server = Server()
    call = server.call("call")
    threads = [Thread(target=run, args=[partial(call, n), partial(call, n)]) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(server.calls) == [("call", [n, n]) for n in range(8)]
