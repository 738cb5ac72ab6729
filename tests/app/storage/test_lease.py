"""A lease in Redis has one holder at a time, and expires."""

from __future__ import annotations

import pytest

from app.storage.lease import RedisLease
from tests.support.services import Services
from tests.support.waiting import await_true


@pytest.fixture
def lease(services: Services) -> RedisLease:
    return RedisLease(services.redis, "test:lease", 60_000)


def test_only_one_token_holds_the_lease(lease: RedisLease) -> None:
    assert lease.acquire("first")
    assert not lease.acquire("second")
    lease.release("first")
    assert lease.acquire("second")


def test_the_holder_acquires_its_lease_again(lease: RedisLease) -> None:
    """Redis may have run an earlier command whose reply timed out."""
    assert lease.acquire("first")
    assert lease.acquire("first")


def test_a_caller_without_the_lease_can_neither_renew_nor_release_it(lease: RedisLease) -> None:
    assert lease.acquire("first")
    assert not lease.renew("second")
    lease.release("second")
    assert lease.renew("first")


@pytest.mark.slow
def test_the_lease_expires_and_can_be_renewed_until_then(services: Services) -> None:
    short = RedisLease(services.redis, "test:lease", 1_000)
    assert short.acquire("first")
    assert short.renew("first")
    await_true(lambda: short.acquire("second"), 5)
    assert not short.renew("first")
