"""Which offers of permessage-deflate are accepted, and with what reply (RFC 7692, section 7.1)."""

from __future__ import annotations

import pytest

from broadcaster.handshake.deflate_offer import accepted_offer

REPLY = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"


@pytest.mark.parametrize(
    "offer",
    [
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate;client_max_window_bits=9",
        'permessage-deflate; client_max_window_bits="15"',
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        "x-webkit-deflate-frame, permessage-deflate; client_max_window_bits",
        "permessage-deflate; unknown, permessage-deflate",
        "permessage-deflate; server_max_window_bits=9, permessage-deflate",
    ],
)
def test_a_valid_offer_is_accepted_without_context_takeover(offer: str) -> None:
    assert accepted_offer(offer) == REPLY


@pytest.mark.parametrize("bits", [12, 13, 15])
def test_a_window_that_is_large_enough_is_accepted_by_its_name(bits: int) -> None:
    offer = f"permessage-deflate; server_max_window_bits={bits}"
    assert accepted_offer(offer) == f"{REPLY}; server_max_window_bits=12"


@pytest.mark.parametrize(
    "offer",
    [
        "",
        ",",
        "permessage-bzip2",
        "permessage-deflate; unknown",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=x",
        "permessage-deflate; client_max_window_bits=",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=11",
        "permessage-deflate; server_max_window_bits=012",
        "permessage-deflate; server_max_window_bits=²",
    ],
)
def test_an_offer_that_is_invalid_or_asks_for_too_small_a_window_is_not_accepted(
    offer: str,
) -> None:
    assert accepted_offer(offer) is None
