"""Screens get their tokens by a code that an operator types."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.accounts.display_pairing import CODE_SECONDS, COLLECT_SECONDS
from app.audit.audited_change import Initiator
from app.contract import keys
from app.contract.errors import NotFound
from tests.support.services import Services

INITIATOR = Initiator("test", "because")


def test_a_screen_collects_a_token_that_opens_the_websocket(services: Services) -> None:
    pairing = services.display_pairing.start()
    assert services.display_pairing.collect(pairing.secret) is None
    issued = services.display_pairing.pair(INITIATOR, pairing.code, "hall", 600)
    token = services.display_pairing.collect(pairing.secret)
    assert token == issued.jwt
    identity = services.viewer_authentication.identify(token)
    services.viewer_authentication.verify(identity)
    assert identity.token_id == issued.token.id
    (entry,) = services.moderation_reads.audit(limit=10)
    assert (entry.act, entry.actor) == ("issue-display-token", "test")


def test_a_token_is_collected_again_if_the_reply_was_lost(services: Services) -> None:
    pairing = services.display_pairing.start()
    services.display_pairing.pair(INITIATOR, pairing.code, "hall", 600)
    first = services.display_pairing.collect(pairing.secret)
    assert services.display_pairing.collect(pairing.secret) == first


@pytest.mark.parametrize("typed", ["{}", " {} ", "{}\n"])
def test_a_code_is_read_in_any_case_and_without_its_hyphen(services: Services, typed: str) -> None:
    pairing = services.display_pairing.start()
    code = pairing.code.replace("-", "").lower()
    services.display_pairing.pair(INITIATOR, typed.format(code), "hall", 600)
    assert services.display_pairing.collect(pairing.secret) is not None


def test_a_code_works_once_even_for_two_operators_at_once(services: Services) -> None:
    pairing = services.display_pairing.start()

    def pair(name: str) -> bool:
        try:
            services.display_pairing.pair(INITIATOR, pairing.code, name, 600)
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        paired = list(pool.map(pair, [f"screen {number}" for number in range(8)]))
    assert paired.count(True) == 1
    assert len(services.display_tokens.list_all()) == 1


@pytest.mark.parametrize("code", ["BCD-FGH", "", "123", "*", "BCDFGHJ"])
def test_an_unknown_code_pairs_no_screen_and_issues_no_token(services: Services, code: str) -> None:
    pairing = services.display_pairing.start()
    with pytest.raises(NotFound):
        services.display_pairing.pair(INITIATOR, code, "hall", 600)
    assert services.display_pairing.collect(pairing.secret) is None
    assert services.display_tokens.list_all() == []


def test_codes_and_tokens_expire(services: Services) -> None:
    pairing = services.display_pairing.start()
    name = keys.pairing_code(pairing.code.replace("-", ""))
    assert 0 < services.redis.ttl(name) <= CODE_SECONDS
    screen = services.redis.get(name)
    services.display_pairing.pair(INITIATOR, pairing.code, "hall", 600)
    assert 0 < services.redis.ttl(keys.paired_screen(str(screen))) <= COLLECT_SECONDS


def test_redis_never_holds_the_secret_of_a_screen(services: Services) -> None:
    pairing = services.display_pairing.start()
    values = [services.redis.get(key) for key in services.redis.keys("pair*")]
    assert values
    assert all(pairing.secret not in str(value) for value in values)


def test_another_secret_collects_nothing(services: Services) -> None:
    pairing = services.display_pairing.start()
    services.display_pairing.pair(INITIATOR, pairing.code, "hall", 600)
    assert services.display_pairing.collect(pairing.secret + "x") is None
