"""Secrets are compared by what takes as long wherever they differ, which no timing can show."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from app.contract.errors import AuthInvalid, TokenInvalid
from app.metrics_access import check_metrics_access
from app.services.action_tokens import ActionToken, ActionTokenCodec

USER = "9058f3b5-329b-444d-a70e-d16ecd49bddd"


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Have the comparison answer wrongly: whoever decides by it does too, and nobody else."""
    answers: list[bool] = []
    compare = hmac.compare_digest

    def lie(one: bytes, other: bytes) -> bool:
        answers.append(compare(one, other))
        return not answers[-1]

    monkeypatch.setattr(hmac, "compare_digest", lie)
    yield answers


def test_an_action_token_is_judged_by_the_comparison_in_constant_time(compared: list[bool]) -> None:
    codec = ActionTokenCodec(b"x" * 32)
    good = codec.encode(ActionToken(USER, 1, codec.new_nonce()))
    with pytest.raises(TokenInvalid):
        codec.decode(good, USER)
    assert compared == [True]


def test_the_metrics_token_is_judged_by_the_comparison_in_constant_time(
    compared: list[bool],
) -> None:
    def ask(token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        environ = EnvironBuilder(
            headers=[*headers.items()], environ_base={"REMOTE_ADDR": "192.0.2.1"}
        )
        check_metrics_access(Request(environ.get_environ()), "x" * 16)

    with pytest.raises(AuthInvalid):
        ask("x" * 16)
    ask("y" * 16)
    assert compared == [True, False]
