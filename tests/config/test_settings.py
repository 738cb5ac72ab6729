"""Settings: all problems are reported at once, and no message quotes a secret."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from config.settings import VARIABLES, InvalidSettings, Settings, load_settings
from tests.support.environment import base_environment

STORES = {"DATABASE_URL": "postgresql://u:hidden@h/d", "REDIS_URL": "redis://:hidden@h:6379/0"}


def load(**variables: str) -> Settings:
    with patch.dict("os.environ", base_environment() | STORES | variables, clear=True):
        return load_settings()


def problems(**variables: str) -> str:
    with pytest.raises(InvalidSettings) as refused:
        load(**variables)
    return str(refused.value)


def test_all_wrong_variables_are_reported_at_once() -> None:
    with (
        patch.dict("os.environ", {"PORT": "many", "WEB_THREADS": "0"}, clear=True),
        pytest.raises(InvalidSettings) as refused,
    ):
        load_settings()
    for name in (*STORES, "JWT_PRIVATE_KEY", "ACTION_TOKEN_SECRET", "PORT", "WEB_THREADS"):
        assert f"\n  {name} " in str(refused.value)
    assert len(str(refused.value).splitlines()) == 7


def test_required_variables_are_secrets_and_no_secret_has_a_default() -> None:
    optional = {"ALERT_URLS", "METRICS_TOKEN", "DATABASE_READ_URL"}
    assert {v.name for v in VARIABLES if v.default is None} == {
        v.name for v in VARIABLES if v.secret and v.name not in optional
    }
    # Optional secrets are empty by default.
    assert {v.default for v in VARIABLES if v.secret} == {None, ""}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACTION_TOKEN_SECRET", "x" * 31),
        ("JWT_PRIVATE_KEY", "not a key at all, but hidden"),
        ("DATABASE_URL", "mysql://hidden"),
        ("REDIS_URL", "http://hidden"),
        ("ALERT_URLS", "json://127.0.0.1/fine, nonsense://hidden"),
        ("ALERT_URLS", "hidden"),
    ],
)
def test_a_weak_or_malformed_secret_is_refused_and_not_quoted(name: str, value: str) -> None:
    text = problems(**{name: value})
    assert f"  {name} " in text
    assert value not in text
    assert "hidden" not in text


def test_a_short_rsa_key_is_refused() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    assert "at least 2048 bits" in problems(JWT_PRIVATE_KEY=short.decode())


def test_an_encrypted_key_is_refused() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    assert "must not be encrypted" in problems(JWT_PRIVATE_KEY=key.decode())


def test_secrets_are_not_in_the_settings_repr() -> None:
    settings = load()
    assert "hidden" not in repr(settings)
    assert base_environment()["ACTION_TOKEN_SECRET"] not in repr(settings)


def test_alert_urls_are_split_as_apprise_does_and_not_shown() -> None:
    settings = load(ALERT_URLS="json://hidden:8080/a, json://u:hidden@h/?x=1,2\n jsons://hidden/b")
    assert len(settings.alert_urls) == 3
    assert "hidden" not in repr(settings)
    assert load(ALERT_URLS=" ").alert_urls == ()


def test_a_key_on_one_line_with_escaped_line_ends_is_read() -> None:
    folded = base_environment()["JWT_PRIVATE_KEY"].replace("\n", "\\n")
    assert load(JWT_PRIVATE_KEY=folded).jwt_private_key.key_size == 2048


def test_the_scheme_that_hosting_platforms_use_is_accepted() -> None:
    assert load(DATABASE_URL="postgres://u@h/d").database_url == "postgresql+psycopg2://u@h/d"


def test_an_empty_variable_counts_as_unset() -> None:
    assert load(PORT="", LOG_LEVEL="").port == 8000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKEN_LIMIT", "ten per minute"),
        ("INCREMENT_LIMIT", "5"),
        ("INCREMENT_LIMIT", "0 per minute"),
        ("LOG_LEVEL", "LOUD"),
        ("BCRYPT_COST", "3"),
        ("WEB_WORKER", "gevent"),
        ("TRUSTED_PROXY_HOPS", "-1"),
        ("WEBSOCKET_URL", "https://example.org/ws"),
        ("JWT_PUBLIC_KEYS", "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----"),
    ],
)
def test_an_invalid_value_is_reported_with_the_variables_name(name: str, value: str) -> None:
    assert f"  {name} must " in problems(**{name: value})


@pytest.mark.parametrize(
    ("name", "value", "example"),
    [
        ("PORT", "many", "a whole number, for example 8000"),
        ("WEB_THREADS", "4.5", "a whole number, for example 4"),
        ("FRAUD_CLOCKWORK_VARIATION", "some", "a number, for example 0"),
        ("INCREMENT_LIMIT", "often", "for example 5 per minute"),
        ("LOGIN_FAILURE_LIMIT", "5 per fortnight", "for example 10 per 15 minutes"),
    ],
)
def test_a_number_or_limit_that_does_not_parse_is_answered_with_an_example(
    name: str, value: str, example: str
) -> None:
    assert example in problems(**{name: value})


def test_limits_have_the_notation_of_the_limits_library() -> None:
    limits = load(TOKEN_LIMIT="2 per second;100/hour").token_limit
    assert [(limit.amount, limit.get_expiry()) for limit in limits] == [(2, 1), (100, 3600)]


def test_origins_that_may_call_the_api_are_whole_origins() -> None:
    assert load().cors_origins == ()
    assert load(CORS_ORIGINS="*").cors_origins == ("*",)
    both = "https://quiz.example, http://[::1]:3000"
    assert load(CORS_ORIGINS=both).cors_origins == ("https://quiz.example", "http://[::1]:3000")
    # A pattern would allow more than it seems to, and an origin with a path would allow nothing.
    for wrong in (
        "https://*.example",
        "quiz.example",
        "https://quiz.example/",
        "null",
        "https://[2001:db8::g]",
        "https://[1]",
        "https://quiz.example:99999",
        "https://quiz.example|https://evil.example",
        "https://a@quiz.example",
    ):
        for name in ("CORS_ORIGINS", "ALLOWED_ORIGINS"):
            found = problems(**{name: f"https://fine.example,{wrong}"})
            assert f"\n  {name} must be " in found
            assert "for example https://board.example" in found
            assert repr(wrong) in found


def test_origins_are_stored_as_browsers_send_them() -> None:
    text = "HTTPS://Quiz.Example:443,http://quiz.example:80,http://quiz.example:0443,https://[2001:DB8:0::1]"
    assert load(ALLOWED_ORIGINS=text).allowed_origins == (
        "https://quiz.example",
        "http://quiz.example",
        "http://quiz.example:443",
        "https://[2001:db8::1]",
    )


def test_the_api_listens_on_all_addresses_if_the_platform_sets_the_port() -> None:
    assert load(HOST="", PORT="").host == "127.0.0.1"
    assert load(HOST="", PORT="5000").host == "0.0.0.0"
    assert load(HOST="192.0.2.7", PORT="5000").host == "192.0.2.7"


def test_parameters_are_added_to_the_redis_url_that_a_platform_sets() -> None:
    given = {"REDIS_URL": "rediss://:hidden@h:6379", "REDIS_URL_PARAMETERS": "ssl_cert_reqs=none"}
    assert (
        load(**given).redis_url
        == load(REDIS_URL=f"{given['REDIS_URL']}?ssl_cert_reqs=none").redis_url
    )
    both = load(**given | {"REDIS_URL": f"{given['REDIS_URL']}?db=3"}).redis_url
    assert (both.database, both.tls) == (3, {"ssl_cert_reqs": "none"})
    assert "  REDIS_URL must have no parameters" in problems(REDIS_URL_PARAMETERS="retries=3")


def test_event_mode_raises_the_default_limits_of_an_address_but_not_those_that_are_set() -> None:
    def by_address(**variables: str) -> list[str]:
        settings = load(**{"AUTH_LIMIT": "", "READ_LIMIT": "", **variables})
        return [str(limit) for limit in (*settings.auth_limit, *settings.read_limit)]

    assert by_address() == ["60 per 1 minute", "6000 per 1 minute"]
    assert by_address(EVENT_MODE="true") == ["1200 per 1 minute", "120000 per 1 minute"]
    chosen = by_address(EVENT_MODE="true", AUTH_LIMIT="7 per hour")
    assert chosen == ["7 per 1 hour", "120000 per 1 minute"]
    assert load(EVENT_MODE="true").increment_limit == load().increment_limit
    assert "  EVENT_MODE must be true or false" in problems(EVENT_MODE="yes")
