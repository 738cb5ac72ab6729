"""Rates, places and descriptors by themselves."""

from __future__ import annotations

import subprocess
import sys

import pytest

from broadcaster.descriptors import SPARE
from broadcaster.limits import Places, Rate, RateExceeded
from tests.broadcaster.ground import LIMITS
from tests.servers import ROOT


def test_a_rate_lets_a_burst_through_and_then_so_many_a_second() -> None:
    rate, paid_until = Rate(10, 5), 0.0
    for _ in range(5):
        paid_until = rate.charge(paid_until, 100.0)
    with pytest.raises(RateExceeded):
        rate.charge(paid_until, 100.0)
    paid_until = rate.charge(paid_until, 100.1)
    with pytest.raises(RateExceeded):
        rate.charge(paid_until, 100.15)
    # A long rest earns one burst, not more.
    for _ in range(5):
        paid_until = rate.charge(paid_until, 900.0)
    with pytest.raises(RateExceeded):
        rate.charge(paid_until, 900.0)


def test_a_place_that_was_refused_is_not_taken() -> None:
    places = Places(LIMITS)
    for _ in range(LIMITS.viewers_per_user):
        assert places.take("user", "192.0.2.1")
    for _ in range(LIMITS.viewers_per_address):
        assert not places.take("user", "192.0.2.2")
    assert places.take("other", "192.0.2.2")
    places.give_back("user", "192.0.2.1")
    assert places.take("user", "192.0.2.1")
    assert not places.take("user", "192.0.2.1")


FIT = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (256, {hard}))
from broadcaster.descriptors import viewers_that_fit
print(viewers_that_fit({wanted}), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("hard", "wanted", "fit", "soft"),
    [(4096, 20, 20, 256), (4096, 1000, 1000, 1000 + SPARE), (1024, 5000, 1024 - SPARE, 1024)],
)
def test_a_process_gives_itself_the_descriptors_it_needs_as_far_as_it_may(
    hard: int, wanted: int, fit: int, soft: int
) -> None:
    # In a process of its own, which can't get back what it gave up.
    command = [sys.executable, "-c", FIT.format(hard=hard, wanted=wanted)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1].split() == [str(fit), str(soft)]
    assert ("fewer_viewers_fit" in done.stdout) == (fit < wanted)
