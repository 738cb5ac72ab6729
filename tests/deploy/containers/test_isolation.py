"""docker-compose.yml gives each container only the settings, networks and rights that it needs."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
import yaml

from config.settings import BroadcasterSettings, Settings
from config.storage_settings import DatabaseSettings
from config.variables import Variable
from tests.deploy.containers.compose import FILE, SERVICES, environment
from tests.support.servers import ROOT
from tools.secrets_file import missing_secrets

NETWORKS = yaml.safe_load(FILE.read_text())["networks"]
SECRETS = missing_secrets("")
KINDS: dict[str, type[DatabaseSettings]] = {
    "release": DatabaseSettings,
    "web": Settings,
    "broadcaster": BroadcasterSettings,
}
NOT_FOR_COMPOSE = {"WEAK_PASSWORD_HASHES", "REDIS_URL_PARAMETERS", "WEB_UPSTREAM"}
"""For tests, for a REDIS_URL that a hosting platform sets, and for a site without an edge."""


def variables(kind: type[DatabaseSettings]) -> list[Variable]:
    return [each.metadata["variable"] for each in fields(kind)]


@pytest.mark.parametrize("name", KINDS)
def test_a_process_gets_its_own_settings_and_no_others(name: str) -> None:
    assert "env_file" not in SERVICES[name]
    wanted = {variable.name for variable in variables(KINDS[name])} - NOT_FOR_COMPOSE
    assert set(SERVICES[name]["environment"]) == wanted


@pytest.mark.parametrize("name", KINDS)
def test_every_required_setting_has_a_value(name: str) -> None:
    given = environment(name, **SECRETS)
    required = [variable.name for variable in variables(KINDS[name]) if variable.default is None]
    assert all(given[each] for each in required)


@pytest.mark.parametrize("name", KINDS)
def test_an_optional_setting_can_be_changed_in_the_env_file(name: str) -> None:
    fixed = {"HOST", "PORT", "BROADCASTER_PORT", "TRUSTED_PROXY_HOPS", "ALLOWED_ORIGINS"}
    optional = {each.name for each in variables(KINDS[name]) if each.default is not None}
    for each in optional - fixed - NOT_FOR_COMPOSE:
        assert environment(name, **SECRETS | {each: "chosen"})[each] == "chosen"


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_only_where_it_is_used(secret: str) -> None:
    users = {
        "JWT_PRIVATE_KEY": {"web"},
        "ACTION_TOKEN_SECRET": {"web"},
        "JWT_PUBLIC_KEYS": {"web", "broadcaster"},
        "POSTGRES_PASSWORD": {"release", "web", "broadcaster", "postgres"},
        "VALKEY_PASSWORD": {"web", "broadcaster", "valkey"},
        # Prometheus gets it as a file.
        "METRICS_TOKEN": {"web", "broadcaster"},
        "GRAFANA_PASSWORD": {"grafana"},
    }
    holders = {
        name
        for name in SERVICES
        if any(SECRETS[secret] in value for value in environment(name, **SECRETS).values())
    }
    assert holders == users[secret]


def test_the_example_names_every_secret() -> None:
    example = re.findall(r"^(\w+)=$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert set(example) == set(SECRETS)


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_can_gain_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    # The edge listens on 80 and 443.
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "edge" else [])
    assert not {"privileged", "network_mode", "pid", "ipc", "devices"} & set(service)


@pytest.mark.parametrize("name", SERVICES)
def test_the_root_is_read_only_unless_compose_has_to_write_a_secret_there(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] == ("secrets" not in service)


@pytest.mark.parametrize("name", KINDS)
def test_our_processes_can_only_write_to_tmpfs(name: str) -> None:
    assert [mount.split(":")[0] for mount in SERVICES[name]["tmpfs"]] == ["/tmp"]
    assert "volumes" not in SERVICES[name]


def test_a_container_reaches_only_the_containers_that_it_uses() -> None:
    attached = {name: set(service["networks"]) for name, service in SERVICES.items()}
    assert set.union(*attached.values()) == set(NETWORKS)

    def neighbours(name: str) -> set[str]:
        return {each for each in attached if attached[name] & attached[each]} - {name}

    assert neighbours("edge") == {"web", "broadcaster"}
    stores = {"release", "web", "broadcaster", "postgres", "valkey"}
    assert neighbours("postgres") | {"postgres"} == neighbours("valkey") | {"valkey"} == stores
    assert not neighbours("grafana") & (stores | {"edge"})
    assert neighbours("prometheus") & (stores | {"edge"}) == {"web", "broadcaster"}


def test_the_stores_have_no_way_to_other_networks() -> None:
    for name in ("postgres", "valkey", "release"):
        assert all(NETWORKS[each]["internal"] for each in SERVICES[name]["networks"])


def test_only_the_edge_has_public_ports() -> None:
    # Otherwise a client could set X-Forwarded-For itself.
    assert environment("web", **SECRETS)["TRUSTED_PROXY_HOPS"] == "1"
    for name, service in SERVICES.items():
        for port in service.get("ports", []):
            assert name == "edge" or port.startswith("127.0.0.1:")
    assert not any("ports" in SERVICES[name] for name in (*KINDS, "postgres", "valkey"))


def test_an_image_has_the_tag_of_one_exact_version() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    images = {service["image"] for service in SERVICES.values()} - {"live-scoreboard"}
    images |= set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE))
    for image in images:
        # PostgreSQL's versions have two parts.
        parts = r"\d+\.\d+" if image.startswith("postgres:") else r"v?\d+\.\d+\.\d+"
        assert re.fullmatch(rf"[a-z/]+:{parts}(-[a-z-]+)?", image), image
