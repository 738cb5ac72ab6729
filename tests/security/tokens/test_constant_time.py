"""Secrets are compared in constant time."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from app.audit.audited_change import Initiator
from app.contract.errors import AuthInvalid, ServiceKeyInvalid, TokenInvalid
from app.http.access_control import check_metrics_access
from app.scoring.action_tokens import ActionToken, ActionTokenCodec
from config.settings import load_settings
from tests.support.environment import base_environment
from tests.support.services import Services

STORES = {"DATABASE_URL": "postgresql://unused", "REDIS_URL": "redis://unused"}
USER = "9058f3b5-329b-444d-a70e-d16ecd49bddd"


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Invert hmac.compare_digest, which inverts exactly the decisions that use it.

    Yields the results of its calls.
    """
    answers: list[bool] = []
    compare = hmac.compare_digest

    def inverted(one: bytes, other: bytes) -> bool:
        answers.append(compare(one, other))
        return not answers[-1]

    monkeypatch.setattr(hmac, "compare_digest", inverted)
    yield answers


def test_an_action_token_is_compared_in_constant_time(compared: list[bool]) -> None:
    codec = ActionTokenCodec(b"x" * 32)
    good = codec.encode(ActionToken(USER, 1, codec.new_nonce()))
    with pytest.raises(TokenInvalid):
        codec.decode(good, USER)
    assert compared == [True]


def test_the_metrics_token_is_compared_in_constant_time(
    compared: list[bool],
) -> None:
    with patch.dict("os.environ", base_environment() | STORES | {"METRICS_TOKEN": "x" * 16}):
        settings = load_settings()

    def ask(token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        environ = EnvironBuilder(
            headers=[*headers.items()], environ_base={"REMOTE_ADDR": "192.0.2.1"}
        )
        check_metrics_access(Request(environ.get_environ()), settings)

    with pytest.raises(AuthInvalid):
        ask("x" * 16)
    ask("y" * 16)
    assert compared == [True, False]


def test_a_service_key_is_compared_in_constant_time_even_if_its_id_is_unknown(
    services: Services, compared: list[bool]
) -> None:
    keys = services.service_keys
    good = keys.create(Initiator("test", "because"), "judge", ["main"], None).text
    with pytest.raises(ServiceKeyInvalid):
        keys.authenticate(good)
    assert keys.authenticate(f"{good[:-64]}{'0' * 64}").name == "judge"
    with pytest.raises(ServiceKeyInvalid):
        keys.authenticate(f"sk_{'0' * 32}{good[35:]}")
    assert compared == [True, False, False]
