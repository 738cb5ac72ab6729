"""docker-compose.yml is as Compose wants it, and runs the Procfile's processes as is right."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from config.settings import VARIABLES
from tests.deploy.compose import FILE, SERVICES, environment
from tests.servers import ROOT
from tools.procfile import read_procfile

PROCFILE = read_procfile(ROOT / "Procfile")
OURS = ["release", "web", "broadcaster"]
DOT_ENV = {"POSTGRES_PASSWORD": "p", "GRAFANA_PASSWORD": "g", "METRICS_TOKEN": "m" * 16}


def test_it_follows_the_compose_specification() -> None:
    # The specification's own JSON schema, which comes with the tool.
    tool = Path(sys.executable).parent / "check-jsonschema"
    checked = subprocess.run(
        [tool, "--builtin-schema", "vendor.compose-spec", FILE],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert checked.returncode == 0, checked.stdout


def test_every_file_that_is_mounted_is_there() -> None:
    mounted = [
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    ]
    assert {"./deploy/caddy", "./deploy/prometheus", "./deploy/grafana/scoreboard.json"} <= {
        *mounted
    }
    assert [path for path in mounted if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", OURS)
def test_each_process_has_the_procfiles_command(name: str) -> None:
    assert shlex.split(SERVICES[name]["command"]) == PROCFILE[name]


def test_the_procfile_has_no_other_process() -> None:
    assert set(PROCFILE) == set(OURS)
    monitoring = {name for name, service in SERVICES.items() if "profiles" in service}
    assert monitoring == {"prometheus", "grafana"}
    assert set(SERVICES) == set(OURS) | {"edge", "postgres", "valkey"} | monitoring


@pytest.mark.parametrize("name", ["web", "broadcaster"])
def test_servers_wait_for_the_migration(name: str) -> None:
    awaited = SERVICES[name]["depends_on"]["release"]
    assert awaited == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("name", OURS)
def test_every_setting_without_a_default_is_given(name: str) -> None:
    example = re.findall(r"^(\w+)=$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    given = set(SERVICES[name]["environment"]) | set(example)
    assert SERVICES[name]["env_file"] == ".env"
    assert {variable.name for variable in VARIABLES if variable.default is None} <= given


@pytest.mark.parametrize("name", OURS)
def test_every_variable_that_is_given_is_a_setting(name: str) -> None:
    assert set(SERVICES[name]["environment"]) <= {variable.name for variable in VARIABLES}


def test_servers_are_where_the_edge_the_healthcheck_and_prometheus_look() -> None:
    web, broadcaster = environment("web", **DOT_ENV), environment("broadcaster", **DOT_ENV)
    ports = {"web": web["PORT"], "broadcaster": broadcaster["BROADCASTER_PORT"]}
    edge = environment("edge")
    assert edge["WEB_UPSTREAM"] == f"web:{ports['web']}"
    assert edge["BROADCASTER_UPSTREAM"] == f"broadcaster:{ports['broadcaster']}"
    assert "BROADCASTER_PORT" in SERVICES["broadcaster"]["healthcheck"]["test"]
    scraped = yaml.safe_load((ROOT / "deploy/prometheus/compose.yml").read_text())
    found = {
        (name, str(target["port"]))
        for job in scraped["scrape_configs"]
        for target in job["dns_sd_configs"]
        for name in target["names"]
    }
    assert found == set(ports.items())


def test_prometheus_has_the_same_jobs_as_without_compose() -> None:
    folder = ROOT / "deploy/prometheus"
    inside, outside = (
        yaml.safe_load((folder / name).read_text()) for name in ("compose.yml", "prometheus.yml")
    )
    for kept in (inside, outside):
        for job in kept["scrape_configs"]:
            job.pop("dns_sd_configs", None)
            job.pop("static_configs", None)
    # From another container /metrics wants the token.
    shown = [job.pop("authorization") for job in inside["scrape_configs"]]
    assert shown == [{"credentials_file": "/run/secrets/metrics_token"}] * len(shown)
    assert SERVICES["prometheus"]["secrets"] == ["metrics_token"]
    assert yaml.safe_load(FILE.read_text())["secrets"] == {
        "metrics_token": {"environment": "METRICS_TOKEN"}
    }
    assert inside == outside


@pytest.mark.parametrize("told", [{}, {"SITE_ORIGIN": "https://s", "WEBSOCKET_URL": "wss://s/ws"}])
def test_page_and_websocket_are_of_the_edges_origin(told: dict[str, str]) -> None:
    web = environment("web", **DOT_ENV, **told)
    origin = environment("edge", **told)["SITE_ORIGIN"]
    assert web["ALLOWED_ORIGINS"] == origin
    assert web["WEBSOCKET_URL"] == origin.replace("http", "ws", 1) + "/ws"


def test_the_edge_is_the_only_one_to_be_reached_from_outside() -> None:
    # So its word on X-Forwarded-For can be trusted.
    assert environment("web", **DOT_ENV)["TRUSTED_PROXY_HOPS"] == "1"
    for name, service in SERVICES.items():
        for port in service.get("ports", []):
            assert name == "edge" or port.startswith("127.0.0.1:")
    assert not any("ports" in SERVICES[name] for name in (*OURS, "postgres", "valkey"))


@pytest.mark.parametrize("name", OURS)
def test_processes_may_write_nowhere_but_to_tmpfs(name: str) -> None:
    service = SERVICES[name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert [mount.split(":")[0] for mount in service["tmpfs"]] == ["/tmp"]


def test_the_image_runs_as_nobody_in_particular_and_says_whether_it_lives() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    user = next(line.split()[1] for line in reversed(lines) if line.startswith("USER "))
    assert user.isdecimal()
    assert user != "0"
    check = lines[next(n for n, line in enumerate(lines) if line.startswith("HEALTHCHECK ")) + 1]
    assert check.endswith('CMD ["python", "deploy/alive.py", "PORT", "8000"]')
    command = next(line.removeprefix("CMD ") for line in lines if line.startswith("CMD "))
    assert yaml.safe_load(command) == PROCFILE["web"]


def test_the_image_holds_all_that_the_processes_import() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    unignored = set(re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert names == unignored
    assert all((ROOT / name).exists() for name in names)
    assert {"app", "broadcaster", "config", "migrations", "wsgi.py", "alembic.ini"} <= names
