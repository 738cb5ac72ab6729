"""JWTs that were verified before: what is remembered of them, and what is looked at each time."""

from __future__ import annotations

import time
import uuid
from unittest.mock import patch

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from app.contract import identity
from app.contract.errors import AuthInvalid
from app.contract.identity import LEEWAY_SECONDS, Identity, JwtSigner, JwtVerifier, TokenType

KEY = generate_private_key(public_exponent=65537, key_size=2048)
TYPES: tuple[TokenType, ...] = ("access", "display", "refresh")
SIGNER = JwtSigner(KEY, "us", "you")


@pytest.fixture
def verifier() -> JwtVerifier:
    return JwtVerifier((KEY.public_key(),), "us", "you")


def made(typ: TokenType = "access", life: int = 60, signer: JwtSigner = SIGNER) -> str:
    user, session, token = (str(uuid.uuid4()) for _ in range(3))
    now = int(time.time())
    return signer.sign(Identity(user, session, token, now + life), typ, now)


def test_a_token_is_decoded_once_and_is_the_same_afterwards(verifier: JwtVerifier) -> None:
    token = made()
    with patch("jwt.decode", wraps=jwt.decode) as decode:
        first, second = verifier.verify(token, "access"), verifier.verify(token, "access")
    assert first == second
    assert decode.call_count == 1


def test_each_token_is_verified_by_the_key_it_names_whichever_was_seen_before() -> None:
    other = generate_private_key(public_exponent=65537, key_size=2048)
    verifier = JwtVerifier((KEY.public_key(), other.public_key()), "us", "you")
    theirs = JwtSigner(other, "us", "you")
    for _ in range(2):
        ours = made()
        verifier.verify(ours, "access")
        verifier.verify(made(signer=theirs), "access")
        # The header is known by now, and vouches for nothing.
        with pytest.raises(AuthInvalid):
            verifier.verify(f"{ours.rpartition('.')[0]}.{made().rpartition('.')[2]}", "access")


def test_a_token_expires_though_it_was_verified(verifier: JwtVerifier) -> None:
    token = made(life=30)
    end = verifier.verify(token, "access").expires_at + LEEWAY_SECONDS
    with patch("time.time", return_value=end - 0.01):
        verifier.verify(token, "access")
    with patch("time.time", return_value=end), pytest.raises(AuthInvalid) as told:
        verifier.verify(token, "access")
    assert "expired" in told.value.message


def test_a_verified_token_still_passes_for_nothing_else(verifier: JwtVerifier) -> None:
    for typ in TYPES:
        token = made(typ)
        verifier.verify(token, typ)
        for other in TYPES:
            if other != typ:
                with pytest.raises(AuthInvalid):
                    verifier.verify(token, other)


def test_one_changed_letter_of_a_verified_token_is_refused(verifier: JwtVerifier) -> None:
    token = made()
    verifier.verify(token, "access")
    for place in range(0, len(token), 37):
        forged = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(AuthInvalid):
            verifier.verify(forged, "access")


def test_no_more_tokens_are_remembered_than_there_is_room_for() -> None:
    with patch.object(identity, "MOST_VERIFIED", 2):
        verifier = JwtVerifier((KEY.public_key(),), "us", "you")
    tokens = [made() for _ in range(3)]
    for token in tokens:
        verifier.verify(token, "access")
    with patch("jwt.decode", wraps=jwt.decode) as decode:
        verifier.verify(tokens[2], "access")
        assert decode.call_count == 0
        verifier.verify(tokens[0], "access")
        assert decode.call_count == 1


def test_a_refresh_token_is_not_remembered(verifier: JwtVerifier) -> None:
    token = made("refresh")
    with patch("jwt.decode", wraps=jwt.decode) as decode:
        verifier.verify(token, "refresh")
        verifier.verify(token, "refresh")
    assert decode.call_count == 2
