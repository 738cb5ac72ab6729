"""REDIS_URL: every form of it, and the messages about wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.redis_url import Login, RedisUrl, parse_redis_url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis://h", RedisUrl("server", (("h", 6379),))),
        ("redis:///3", RedisUrl("server", (("localhost", 6379),), database=3)),
        ("redis://[::1]:7000?db=2", RedisUrl("server", (("::1", 7000),), database=2)),
        (
            "redis://me:p%2Fw%40@h:7000/1",
            RedisUrl("server", (("h", 7000),), Login("me", "p/w@"), database=1),
        ),
        ("rediss://:pw@h:7001", RedisUrl("server", (("h", 7001),), Login(None, "pw"), tls={})),
        (
            "rediss://h?ssl_cert_reqs=none&ssl_check_hostname=false",
            RedisUrl(
                "server",
                (("h", 6379),),
                tls={"ssl_cert_reqs": "none", "ssl_check_hostname": False},
            ),
        ),
        (
            "unix://me@/run/r.sock?db=1&password=pw",
            RedisUrl("server", (), Login("me", "pw"), socket_path="/run/r.sock", database=1),
        ),
        (
            "redis+cluster://:pw@a:7000,b,[::1]:7002",
            RedisUrl("cluster", (("a", 7000), ("b", 6379), ("::1", 7002)), Login(None, "pw")),
        ),
        ("redis+cluster://a/0?tls=true", RedisUrl("cluster", (("a", 6379),), tls={})),
        ("redis+cluster://a?tls=false", RedisUrl("cluster", (("a", 6379),))),
        (
            "redis+sentinel://u:pw@a,b:26380/board/4?sentinel_username=s&sentinel_password=t%26",
            RedisUrl(
                "sentinel",
                (("a", 26379), ("b", 26380)),
                Login("u", "pw"),
                Login("s", "t&"),
                service="board",
                database=4,
            ),
        ),
    ],
)
def test_a_url_is_parsed(text: str, expected: RedisUrl) -> None:
    assert parse_redis_url(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hidden", "must start with redis://, rediss://, unix://, redis\\+cluster:// or"),
        ("http://hidden", "must start with"),
        ("redis://:hid#den@h", "%23"),
        ("redis://:hid/den@h", "percent-encoded|number of a database"),
        ("redis://:hid?den@h", "must have no parameters after \\? except db"),
        ("redis://h:hidden", "must be host:port,"),
        ("redis://a,hidden", "must be host:port,"),
        ("redis://h/hidden", "number of a database"),
        ("redis://h?socket_timeout=hidden", "must have no parameters after \\? except db"),
        ("redis://h?ssl_cert_reqs=none", "must have no parameters after \\? except db"),
        ("rediss://h?ssl_cert_reqs=hidden", "none, optional or required"),
        ("rediss://h?ssl_check_hostname=hidden", "true or false as ssl_check_hostname"),
        ("rediss://h?ssl_ca_certs=/hidden", "an existing file as ssl_ca_certs"),
        ("redis+cluster://a,,hidden", "host:port\\[,host:port…\\]"),
        ("redis+cluster://a/7", "a cluster has only one"),
        ("redis+cluster://a?tls=hidden", "true or false as tls"),
        ("redis+cluster://a?ssl_cert_reqs=none", "must have tls=true"),
        ("redis+sentinel://a", "must end in /service"),
        ("redis+sentinel://a/board/1/hidden", "must end in /service"),
        ("redis+sentinel://a/board/hidden", "number of a database"),
    ],
)
def test_the_message_about_a_wrong_url_quotes_no_secret(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        parse_redis_url(text)
    text = str(refused.value)
    # Of the messages about secrets only those that start so are shown.
    assert text.startswith("must ")
    assert not any(part in text for part in ("hid", "den"))


def test_passwords_are_not_in_the_repr(tmp_path: Path) -> None:
    url = "redis+sentinel://:hidden@a/board?sentinel_password=hidden"
    assert "hidden" not in repr(parse_redis_url(url))
