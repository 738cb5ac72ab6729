"""Each kind of process needs only its own settings, and checks the others if they are set."""

from __future__ import annotations

from dataclasses import fields
from unittest.mock import patch

import pytest

from config.settings import (
    BroadcasterSettings,
    InvalidSettings,
    Kind,
    Settings,
    load,
    unused_port,
)
from config.storage_settings import DatabaseSettings
from tests.support.environment import API_SECRETS, base_environment
from tools.secrets_file import new_private_key, public_key_of

DATABASE = {"DATABASE_URL": "postgresql://u:hidden@h/d"}
STORES = DATABASE | {"REDIS_URL": "redis://:hidden@h:6379/0"}
PUBLIC_KEY = public_key_of(base_environment()["JWT_PRIVATE_KEY"])


def load_from(kind: type[Kind], **variables: str) -> Kind:
    with patch.dict("os.environ", variables, clear=True):
        return load(kind)


def problems(kind: type[Kind], **variables: str) -> list[str]:
    with pytest.raises(InvalidSettings) as refused:
        load_from(kind, **variables)
    return [line.split()[0] for line in str(refused.value).splitlines()[1:]]


def test_a_broadcaster_needs_the_public_key_and_no_secret_of_the_api() -> None:
    assert {"JWT_PRIVATE_KEY", "ACTION_TOKEN_SECRET"} == API_SECRETS
    settings = load_from(BroadcasterSettings, **STORES, JWT_PUBLIC_KEYS=PUBLIC_KEY)
    assert len(settings.jwt_public_keys) == 1
    assert problems(BroadcasterSettings, **STORES) == ["JWT_PUBLIC_KEYS"]
    assert problems(BroadcasterSettings, **STORES, JWT_PUBLIC_KEYS="hidden") == ["JWT_PUBLIC_KEYS"]


def test_a_broadcaster_derives_the_public_key_from_a_private_one_and_forgets_that() -> None:
    settings = load_from(BroadcasterSettings, **STORES, **base_environment())
    assert [each.key_size for each in settings.jwt_public_keys] == [2048]
    assert not {"jwt_private_key", "action_token_secret"} & {each.name for each in fields(settings)}


def test_all_processes_accept_the_signing_key_and_the_other_public_keys() -> None:
    other = public_key_of(new_private_key())
    api = load_from(Settings, **STORES, **base_environment(), JWT_PUBLIC_KEYS=other)
    keys = {"JWT_PUBLIC_KEYS": PUBLIC_KEY + other}
    broadcaster = load_from(BroadcasterSettings, **STORES, **keys)
    assert api.jwt_public_keys == broadcaster.jwt_public_keys


def test_a_migration_needs_only_the_database() -> None:
    assert load_from(DatabaseSettings, **DATABASE).database_url.endswith("://u:hidden@h/d")
    assert problems(DatabaseSettings) == ["DATABASE_URL"]


@pytest.mark.parametrize("kind", [DatabaseSettings, BroadcasterSettings, Settings])
def test_every_process_reports_a_malformed_setting_of_another_process(kind: type[Kind]) -> None:
    variables = base_environment() | STORES
    wrong = {"ACTION_TOKEN_SECRET": "short", "INCREMENT_LIMIT": "often"}
    assert problems(kind, **variables | wrong) == ["ACTION_TOKEN_SECRET", "INCREMENT_LIMIT"]


def test_a_weak_password_hash_is_refused_outside_tests() -> None:
    variables = base_environment() | STORES
    assert load_from(Settings, **variables | {"BCRYPT_COST": "4"}).bcrypt_cost == 4
    del variables["WEAK_PASSWORD_HASHES"]
    assert problems(Settings, **variables | {"BCRYPT_COST": "9"}) == ["BCRYPT_COST"]
    assert load_from(Settings, **variables | {"BCRYPT_COST": "10"}).bcrypt_cost == 10


def test_only_a_port_without_a_broadcaster_port_is_unused() -> None:
    def unused(**variables: str) -> str:
        with patch.dict("os.environ", variables, clear=True):
            return unused_port()

    assert unused(PORT="5000") == unused(PORT="5000", BROADCASTER_PORT="") == "5000"
    assert unused() == unused(PORT="5000", BROADCASTER_PORT="5000") == ""
