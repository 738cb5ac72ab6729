"""Rates, the viewer quota and the limit of descriptors, each tested alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from broadcaster.viewers.descriptors import RESERVED_DESCRIPTORS
from broadcaster.viewers.limits import Rate, RateExceeded
from broadcaster.viewers.viewer_quota import ViewerQuota
from tests.support.broadcaster.in_process_hub import LIMITS
from tests.support.servers import ROOT


def test_a_rate_allows_a_burst_and_then_its_number_a_second() -> None:
    rate, paid_until = Rate(10, 5), 0.0
    for _ in range(5):
        paid_until = rate.charge(paid_until, 100.0)
    with pytest.raises(RateExceeded):
        rate.charge(paid_until, 100.0)
    paid_until = rate.charge(paid_until, 100.1)
    with pytest.raises(RateExceeded):
        rate.charge(paid_until, 100.15)
    # A long pause allows one burst, not more.
    for _ in range(5):
        paid_until = rate.charge(paid_until, 900.0)
    with pytest.raises(RateExceeded):
        rate.charge(paid_until, 900.0)


def test_a_refused_viewer_is_not_counted() -> None:
    quota = ViewerQuota(LIMITS)
    for _ in range(LIMITS.viewers_per_user):
        assert quota.acquire("user", "192.0.2.1")
    for _ in range(LIMITS.viewers_per_address):
        assert not quota.acquire("user", "192.0.2.2")
    assert quota.acquire("other", "192.0.2.2")
    quota.release("user", "192.0.2.1")
    assert quota.acquire("user", "192.0.2.1")
    assert not quota.acquire("user", "192.0.2.1")


FIT = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (256, {hard}))
from broadcaster.viewers.descriptors import viewers_that_fit
print(viewers_that_fit({wanted}), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("hard", "wanted", "fit", "soft"),
    [
        (4096, 20, 20, 256),
        (4096, 1000, 1000, 1000 + RESERVED_DESCRIPTORS),
        (1024, 5000, 1024 - RESERVED_DESCRIPTORS, 1024),
    ],
)
def test_a_process_raises_its_descriptor_limit_as_far_as_needed_and_allowed(
    hard: int, wanted: int, fit: int, soft: int
) -> None:
    # In a process of its own, because a process can't raise its hard limit again.
    command = [sys.executable, "-c", FIT.format(hard=hard, wanted=wanted)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1].split() == [str(fit), str(soft)]
    assert ("fewer_viewers_fit" in done.stdout) == (fit < wanted)
