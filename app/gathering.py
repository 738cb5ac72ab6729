"""Requests side by side in one thread, which make their calls to the servers together.

A round trip costs a thread about the same for one increment as for eight. So a worker has a thread
answer all increments that have come meanwhile: each runs, in a greenlet of its own, up to its next
shared call; then those calls are made as one, and each goes on with its own answer. A request's
code knows nothing of it, and run by itself, in any other thread, it makes the call alone.
docs/decisions/0022-requests-side-by-side.md says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Any, Final, Generic, Literal, TypeVar

from greenlet import getcurrent, greenlet

LANES = 2
"""Threads of a worker for it; the second begins only when the first is held up."""
MOST_TOGETHER = 32
"""Requests at a time, so that the first is not answered much later than it could be."""

Argument = TypeVar("Argument")
Answer = TypeVar("Answer")


class _Apart(Enum):
    APART = auto()


APART: Final = _Apart.APART
"""In the place of an answer: this one would hold the others up, so make its call after theirs."""

Answers = Sequence[Answer | Exception | Literal[_Apart.APART]]


class SharedCall(Generic[Argument, Answer]):
    """A call that requests side by side make together, and each other one makes alone.

    `together` has an answer or an exception for each argument, in their order; what it raises is
    raised to all. It may answer APART where there are several arguments, and must not for one.
    """

    def __init__(self, together: Callable[[Sequence[Argument]], Answers[Answer]]) -> None:
        self._together = together

    def __call__(self, argument: Argument) -> Answer:
        """The answer to this argument; raises what it was answered with."""
        request = getcurrent()
        if isinstance(request, _Request):
            answer = request.ask(self, argument)
        else:
            (answer,) = self._together([argument])
        if isinstance(answer, Exception):
            raise answer
        found: Answer = answer
        return found

    def answers(self, arguments: Sequence[Any]) -> Answers[Any]:
        """The answers to requests that wait side by side."""
        try:
            return self._together(arguments)
        except Exception as error:  # noqa: BLE001 - it is raised in each of the requests
            return [error] * len(arguments)


class _Request(greenlet):
    """One request, which stops at a shared call and goes on with the answer."""

    call: SharedCall[Any, Any]
    argument: Any

    def ask(self, call: SharedCall[Any, Any], argument: Any) -> Any:
        """Leave the call to run_together, and come back with its answer."""
        self.call, self.argument = call, argument
        assert self.parent is not None
        return self.parent.switch()


def run_together(requests: Sequence[Callable[[], object]]) -> None:
    """Run them all to their end, in this thread; none may raise.

    Which calls are made first follows from which request came first. One that is answered APART
    makes its call by itself when nothing else is left to do.
    """
    waiting: list[_Request] = []
    apart: list[_Request] = []

    def go_on(request: _Request, *answer: Any) -> None:
        request.switch(*answer)
        if not request.dead:
            waiting.append(request)

    for each in requests:
        go_on(_Request(each))
    while waiting or apart:
        asking = waiting or apart[:1]
        call = asking[0].call
        group = [request for request in asking if request.call is call]
        if waiting:
            waiting = [request for request in waiting if request.call is not call]
        else:
            del apart[:1]
        answers = call.answers([request.argument for request in group])
        for request, answer in zip(group, answers, strict=True):
            if answer is APART:
                apart.append(request)
            else:
                go_on(request, answer)
