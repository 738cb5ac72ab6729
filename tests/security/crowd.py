"""Many requests of one kind at once, from addresses that a trusted proxy is to have seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import requests

AT_ONCE = 64
"""More than the servers have threads; the rest waits at their doors."""

_numbers = count(1)


def new_address() -> str:
    """An address that no other test has, of the network for documentation."""
    number = next(_numbers)
    return f"203.0.{number // 256}.{number % 256}"


def all_at_once(
    send: Callable[[int], requests.Response], number: int
) -> tuple[Counter[int], list[requests.Response]]:
    """Their statuses, and the replies."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        replies = list(pool.map(send, range(number)))
    return statuses(replies), replies


def statuses(replies: Iterable[requests.Response]) -> Counter[int]:
    return Counter(reply.status_code for reply in replies)
