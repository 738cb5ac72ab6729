"""Batches: requests that run side by side in one thread and make their calls to servers together.

A round trip costs a thread about the same for one increment as for eight. In a batch each request
runs in its own greenlet up to its next batched call. Then one call is made for all of them, and
each continues with its own answer. The code of a request does not know about this: outside a batch
it makes the same call alone. docs/decisions/0022-requests-side-by-side.md gives the reasons.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Any, Final, Generic, TypeVar

from greenlet import getcurrent, greenlet

BATCH_THREADS = 2
"""Threads of a worker that run batches; the second starts only while the first is stalled."""
MAX_BATCH_SIZE = 32
"""Requests in one batch. In a larger one the first request would wait too long."""
RETRY_SECONDS = 0.01
"""Pause before calls with the answer RETRY_LATER are made again, if no new request arrives."""
MAX_RETRY_SECONDS = 1.0
"""How long a call is retried. The request is then answered well within the promised 2 s."""

Argument = TypeVar("Argument")
Answer = TypeVar("Answer")
Request = Callable[[], object]


class RetryLater(Enum):
    """The type of RETRY_LATER."""

    RETRY_LATER = auto()


RETRY_LATER: Final = RetryLater.RETRY_LATER
"""Sentinel in place of an answer: another transaction holds a lock that this call needs."""

Answers = Sequence[Answer | Exception | RetryLater]


class BatchedCall(Generic[Argument, Answer]):
    """A call that the requests of a batch make together; outside a batch each makes it alone.

    `together` returns an answer or an exception for each argument, in the same order. An exception
    that it raises is raised in every request. It must not wait for a lock, because the whole batch
    would wait with it: it answers RETRY_LATER instead. If the lock is still held after
    MAX_RETRY_SECONDS, `lock_error` makes the exception that the request gets. `alone` makes the
    call outside a batch and may wait; without it, `together` gets the one argument.
    """

    def __init__(
        self,
        together: Callable[[Sequence[Argument]], Answers[Answer]],
        alone: Callable[[Argument], Answer] | None = None,
        lock_error: Callable[[], Exception] = TimeoutError,
    ) -> None:
        self._together = together
        self._alone = alone
        self.lock_error = lock_error

    def __call__(self, argument: Argument) -> Answer:
        """The answer for this argument; raises it if it is an exception."""
        request = getcurrent()
        if isinstance(request, _Request):
            answer = request.ask(self, argument)
        elif self._alone is not None:
            return self._alone(argument)
        else:
            (answer,) = self._together([argument])
        if isinstance(answer, Exception):
            raise answer
        found: Answer = answer
        return found

    def answers(self, arguments: Sequence[Any]) -> Answers[Any]:
        """The answers for several requests of a batch."""
        try:
            return self._together(arguments)
        except Exception as error:  # noqa: BLE001 - raised in each of the requests
            return [error] * len(arguments)


def one_by_one(
    call: Callable[[Argument], Answer | RetryLater],
) -> Callable[[Sequence[Argument]], Answers[Answer]]:
    """A `together` that makes a call for each argument; an exception reaches its request only."""

    def together(arguments: Sequence[Argument]) -> Answers[Answer]:
        answers: list[Answer | Exception | RetryLater] = []
        for argument in arguments:
            try:
                answers.append(call(argument))
            except Exception as error:  # noqa: BLE001 - raised in the request
                answers.append(error)
        return answers

    return together


class _Request(greenlet):
    """One request of a batch: stops at a batched call and continues with its answer."""

    call: BatchedCall[Any, Any]
    argument: Any
    asked_at: float

    def ask(self, call: BatchedCall[Any, Any], argument: Any) -> Any:
        """Let the batch make the call; returns its answer."""
        self.call, self.argument, self.asked_at = call, argument, time.monotonic()
        assert self.parent is not None
        return self.parent.switch()


def is_in_batch() -> bool:
    """Whether the caller is a request of a batch."""
    return isinstance(getcurrent(), _Request)


def _pause(seconds: float) -> Sequence[Request]:
    time.sleep(seconds)
    return ()


def run_batch(
    requests: Sequence[Request], take_more: Callable[[float], Sequence[Request]] = _pause
) -> None:
    """Run all requests to their end, in this thread; none of them may raise.

    The call of the request that has waited longest is made first. While requests wait because of
    RETRY_LATER, `take_more` gets the time for which it may wait, and returns further requests for
    this batch. So a lock delays no other request.
    """
    _Batch(take_more).run(requests)


class _Batch:
    def __init__(self, take_more: Callable[[float], Sequence[Request]]) -> None:
        self._take_more = take_more
        self._waiting: list[_Request] = []
        self._retrying: list[_Request] = []

    def run(self, requests: Sequence[Request]) -> None:
        self._start(requests)
        while self._waiting or self._retrying:
            if not self._waiting:
                # The new requests come first, so that their calls join the retried ones.
                self._start(self._take_more(RETRY_SECONDS))
                self._waiting += self._retrying
                self._retrying = []
            self._make_call()

    def _start(self, requests: Sequence[Request]) -> None:
        for each in requests:
            self._proceed(_Request(each))

    def _proceed(self, request: _Request, *answer: Any) -> None:
        request.switch(*answer)
        if not request.dead:
            self._waiting.append(request)

    def _make_call(self) -> None:
        """Make the call of the request that has waited longest, for all that wait for it."""
        call = self._waiting[0].call
        group = [request for request in self._waiting if request.call is call]
        self._waiting = [request for request in self._waiting if request.call is not call]
        answers = call.answers([request.argument for request in group])
        too_late = time.monotonic() - MAX_RETRY_SECONDS
        for request, answer in zip(group, answers, strict=True):
            if answer is not RETRY_LATER:
                self._proceed(request, answer)
            elif request.asked_at > too_late:
                self._retrying.append(request)
            else:
                self._proceed(request, call.lock_error())
