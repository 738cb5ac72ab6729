"""Settings: read once, refused all at once, secrets never told."""

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
from tests.environment import base_environment

PLACES = {"DATABASE_URL": "postgresql://u:hidden@h/d", "REDIS_URL": "redis://:hidden@h:6379/0"}


def load(**variables: str) -> Settings:
    with patch.dict("os.environ", base_environment() | PLACES | variables, clear=True):
        return load_settings()


def complaint(**variables: str) -> str:
    with pytest.raises(InvalidSettings) as refused:
        load(**variables)
    return str(refused.value)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with (
        patch.dict("os.environ", {"PORT": "many", "WEB_THREADS": "0"}, clear=True),
        pytest.raises(InvalidSettings) as refused,
    ):
        load_settings()
    for name in (*PLACES, "JWT_PRIVATE_KEY", "ACTION_TOKEN_SECRET", "PORT", "WEB_THREADS"):
        assert f"\n  {name} " in str(refused.value)
    assert len(str(refused.value).splitlines()) == 7


def test_what_has_no_default_is_a_secret_and_no_secret_has_a_default() -> None:
    spared = {"ALERT_URLS", "METRICS_TOKEN", "DATABASE_READ_URL"}
    assert {v.name for v in VARIABLES if v.default is None} == {
        v.name for v in VARIABLES if v.secret and v.name not in spared
    }
    # Those that nobody needs are not there by default.
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
def test_a_weak_or_broken_secret_is_refused_without_being_told(name: str, value: str) -> None:
    said = complaint(**{name: value})
    assert f"  {name} " in said
    assert value not in said
    assert "hidden" not in said


def test_a_short_rsa_key_is_refused() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    assert "at least 2048 bits" in complaint(JWT_PRIVATE_KEY=short.decode())


def test_an_encrypted_key_is_refused() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    assert "must not be encrypted" in complaint(JWT_PRIVATE_KEY=key.decode())


def test_secrets_are_not_in_the_settings_repr() -> None:
    settings = load()
    assert "hidden" not in repr(settings)
    assert base_environment()["ACTION_TOKEN_SECRET"] not in repr(settings)


def test_alert_urls_are_read_as_apprise_reads_them_and_not_told() -> None:
    settings = load(ALERT_URLS="json://hidden:8080/a, json://u:hidden@h/?x=1,2\n jsons://hidden/b")
    assert len(settings.alert_urls) == 3
    assert "hidden" not in repr(settings)
    assert load(ALERT_URLS=" ").alert_urls == ()


def test_a_key_on_one_line_with_escaped_line_ends_is_read() -> None:
    folded = base_environment()["JWT_PRIVATE_KEY"].replace("\n", "\\n")
    assert load(JWT_PRIVATE_KEY=folded).jwt_private_key.key_size == 2048


def test_the_scheme_that_hosts_hand_out_is_accepted() -> None:
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
        ("TRUSTED_PROXY_HOPS", "-1"),
        ("WEBSOCKET_URL", "https://example.org/ws"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(name: str, value: str) -> None:
    assert f"  {name} " in complaint(**{name: value})


def test_limits_are_read_as_the_limits_library_writes_them() -> None:
    limits = load(TOKEN_LIMIT="2 per second;100/hour").token_limit
    assert [(limit.amount, limit.get_expiry()) for limit in limits] == [(2, 1), (100, 3600)]


def test_origins_that_may_call_the_api_are_whole_origins() -> None:
    assert load().cors_origins == ()
    assert load(CORS_ORIGINS="*").cors_origins == ("*",)
    both = "https://quiz.example, http://[::1]:3000"
    assert load(CORS_ORIGINS=both).cors_origins == ("https://quiz.example", "http://[::1]:3000")
    # A pattern would let in more than it seems to, and a path nothing at all.
    for wrong in ("https://*.example", "quiz.example", "https://quiz.example/", "null"):
        assert "\n  CORS_ORIGINS must be " in complaint(CORS_ORIGINS=wrong)


def test_where_a_host_chooses_the_port_it_can_reach_what_listens() -> None:
    assert load(HOST="", PORT="").host == "127.0.0.1"
    assert load(HOST="", PORT="5000").host == "0.0.0.0"
    assert load(HOST="192.0.2.7", PORT="5000").host == "192.0.2.7"


def test_parameters_are_added_to_the_redis_url_that_a_host_hands_out() -> None:
    given = {"REDIS_URL": "rediss://:hidden@h:6379", "REDIS_URL_PARAMETERS": "ssl_cert_reqs=none"}
    assert (
        load(**given).redis_url
        == load(REDIS_URL=f"{given['REDIS_URL']}?ssl_cert_reqs=none").redis_url
    )
    both = load(**given | {"REDIS_URL": f"{given['REDIS_URL']}?db=3"}).redis_url
    assert (both.database, both.tls) == (3, {"ssl_cert_reqs": "none"})
    assert "  REDIS_URL must have no parameters" in complaint(REDIS_URL_PARAMETERS="retries=3")
