"""Addresses in every form that proxies write, and the networks that limits count by."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.network.addresses import UNKNOWN, network_of, parse_address, wide_network_of


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:49152", "203.0.113.7"),
        ("203.0.113.7:_hidden", "203.0.113.7"),
        ("203.0.113.7%eth0", "203.0.113.7"),
        (" \t203.0.113.7 ", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("2001:db8:0:0:0:0:0:1:49152", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:49152", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%eth0:49152", "fe80::1"),
        ("[fe80::1%25eth0]:49152", "fe80::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:cb00:7107", "203.0.113.7"),
        ("::ffff:203.0.113.7%eth0", "203.0.113.7"),
        ("::ffff:203.0.113.7:49152", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:49152", "203.0.113.7"),
    ],
)
def test_an_address_is_read_in_every_form(text: str, address: str) -> None:
    assert parse_address(text) == ip_address(address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unknown",
        "_hidden",
        "localhost",
        "203.0.113",
        "203.0.113.07",
        "203.0.113.7.",
        "203.0.113.7:",
        "203.0.113.7:http",
        "203.0.113.7, 203.0.113.8",
        '"203.0.113.7"',
        "203.0.113.7%",
        "203.0.113.7/24",
        "٢03.0.113.7",
        "0x7f000001",
        "2130706433",
        "127.1",
        "[2001:db8::1",
        "2001:db8::1]",
        "[2001:db8::1]x",
        "[2001:db8::1], 203.0.113.7",
        "fe80::1%, 203.0.113.7",
        "fe80::1%" + "x" * 100,
        "for=203.0.113.7",
    ],
)
def test_text_that_is_no_address_gives_none(text: str) -> None:
    assert parse_address(text) is None


@settings(deadline=None)
@given(st.ip_addresses(), st.integers(0, 65535))
def test_a_port_does_not_change_the_network(address: IPv4Address | IPv6Address, port: int) -> None:
    written = f"[{address}]" if address.version == 6 else str(address)
    assert network_of(f"{written}:{port}") == network_of(str(address))


@settings(deadline=None)
@given(st.text(max_size=60))
def test_text_without_an_address_belongs_to_the_unknown_network(text: str) -> None:
    assert (network_of(text) == UNKNOWN) == (parse_address(text.partition("/")[0]) is None)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        # An IPv4 client behind a translator; by their /64 all of them would be one client.
        ("64:ff9b::203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
    ],
)
def test_limits_count_by_the_ipv4_address_or_the_ipv6_network(address: str, network: str) -> None:
    assert network_of(address) == network
    assert network_of(network) == network


def test_a_network_can_be_widened() -> None:
    narrow = network_of("2001:db8:1:2:3:4:5:6")
    assert network_of(narrow, 48) == "2001:db8:1::/48"
    assert network_of("203.0.113.7", 48) == "203.0.113.7"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("nowhere", UNKNOWN),
    ],
)
def test_a_site_has_a_24_or_a_48(address: str, network: str) -> None:
    assert wide_network_of(address) == network
