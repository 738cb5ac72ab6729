"""JWTs that were verified before: what is cached, and what is checked each time."""

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


def signed(typ: TokenType = "access", life: int = 60, signer: JwtSigner = SIGNER) -> str:
    user, session, token = (str(uuid.uuid4()) for _ in range(3))
    now = int(time.time())
    return signer.sign(Identity(user, session, token, now + life), typ, now)


def test_a_token_is_decoded_only_once(verifier: JwtVerifier) -> None:
    token = signed()
    with patch("jwt.decode", wraps=jwt.decode) as decode:
        first, second = verifier.verify(token, "access"), verifier.verify(token, "access")
    assert first == second
    assert decode.call_count == 1


def test_each_token_is_verified_with_the_key_that_it_names() -> None:
    other = generate_private_key(public_exponent=65537, key_size=2048)
    verifier = JwtVerifier((KEY.public_key(), other.public_key()), "us", "you")
    theirs = JwtSigner(other, "us", "you")
    for _ in range(2):
        ours = signed()
        verifier.verify(ours, "access")
        verifier.verify(signed(signer=theirs), "access")
        # The header is cached by now, but the signature is still checked.
        with pytest.raises(AuthInvalid):
            verifier.verify(f"{ours.rpartition('.')[0]}.{signed().rpartition('.')[2]}", "access")


def test_a_cached_token_expires(verifier: JwtVerifier) -> None:
    token = signed(life=30)
    end = verifier.verify(token, "access").expires_at + LEEWAY_SECONDS
    with patch("time.time", return_value=end - 0.01):
        verifier.verify(token, "access")
    with patch("time.time", return_value=end), pytest.raises(AuthInvalid) as raised:
        verifier.verify(token, "access")
    assert "expired" in raised.value.message


def test_a_cached_token_is_not_accepted_as_another_type(verifier: JwtVerifier) -> None:
    for typ in TYPES:
        token = signed(typ)
        verifier.verify(token, typ)
        for other in TYPES:
            if other != typ:
                with pytest.raises(AuthInvalid):
                    verifier.verify(token, other)


def test_a_cached_token_with_one_changed_letter_is_refused(verifier: JwtVerifier) -> None:
    token = signed()
    verifier.verify(token, "access")
    for position in range(0, len(token), 37):
        forged = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        with pytest.raises(AuthInvalid):
            verifier.verify(forged, "access")


def test_the_number_of_cached_tokens_is_limited() -> None:
    with patch.object(identity, "MAX_VERIFIED_TOKENS", 2):
        verifier = JwtVerifier((KEY.public_key(),), "us", "you")
    tokens = [signed() for _ in range(3)]
    for token in tokens:
        verifier.verify(token, "access")
    with patch("jwt.decode", wraps=jwt.decode) as decode:
        verifier.verify(tokens[2], "access")
        assert decode.call_count == 0
        verifier.verify(tokens[0], "access")
        assert decode.call_count == 1


def test_a_refresh_token_is_not_cached(verifier: JwtVerifier) -> None:
    token = signed("refresh")
    with patch("jwt.decode", wraps=jwt.decode) as decode:
        verifier.verify(token, "refresh")
        verifier.verify(token, "refresh")
    assert decode.call_count == 2
