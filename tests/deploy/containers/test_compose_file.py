"""docker-compose.yml is valid, and agrees with the Procfile, the settings and the image."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.deploy.containers.compose import FILE, SERVICES, environment
from tests.support.servers import ROOT
from tools.local.procfile import read_procfile
from tools.secrets_file import missing_secrets

PROCFILE = read_procfile(ROOT / "Procfile")
OURS = ["release", "web", "broadcaster"]
DOT_ENV = missing_secrets("")


def test_it_follows_the_compose_specification() -> None:
    # The tool contains the JSON schema of the specification.
    tool = Path(sys.executable).parent / "check-jsonschema"
    checked = subprocess.run(
        [tool, "--builtin-schema", "vendor.compose-spec", FILE],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert checked.returncode == 0, checked.stdout


def test_every_mounted_file_exists() -> None:
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
    assert monitoring == {"prometheus", "alertmanager", "grafana"}
    assert set(SERVICES) == set(OURS) | {"edge", "postgres", "valkey"} | monitoring


@pytest.mark.parametrize("name", ["web", "broadcaster"])
def test_servers_wait_for_the_migration(name: str) -> None:
    awaited = SERVICES[name]["depends_on"]["release"]
    assert awaited == {"condition": "service_completed_successfully"}


def test_the_edge_the_healthcheck_and_prometheus_use_the_servers_ports() -> None:
    web, broadcaster = environment("web", **DOT_ENV), environment("broadcaster", **DOT_ENV)
    ports = {"web": web["PORT"], "broadcaster": broadcaster["BROADCASTER_PORT"]}
    edge = environment("edge")
    assert edge["EDGE_API_UPSTREAM"] == f"web:{ports['web']}"
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
    for configuration in (inside, outside):
        for job in configuration["scrape_configs"]:
            job.pop("dns_sd_configs", None)
            job.pop("static_configs", None)
    # /metrics requires the token from other containers.
    authorizations = [job.pop("authorization") for job in inside["scrape_configs"]]
    token = {"credentials_file": "/run/secrets/metrics_token"}
    assert authorizations == [token] * len(authorizations)
    assert SERVICES["prometheus"]["secrets"] == ["metrics_token"]
    addresses = [configuration.pop("alerting") for configuration in (inside, outside)]
    assert [each["alertmanagers"][0]["static_configs"] for each in addresses] == [
        [{"targets": ["alertmanager:9093"]}],
        [{"targets": ["127.0.0.1:9093"]}],
    ]
    assert inside == outside


def test_each_secret_is_a_variable_of_the_env_file_and_used_by_one_service() -> None:
    assert yaml.safe_load(FILE.read_text())["secrets"] == {
        "metrics_token": {"environment": "METRICS_TOKEN"},
        "alert_webhook": {"environment": "ALERT_WEBHOOK_URL"},
    }
    assert SERVICES["alertmanager"]["secrets"] == ["alert_webhook"]


@pytest.mark.parametrize(
    "dot_env", [{}, {"SITE_ORIGIN": "https://s", "WEBSOCKET_URL": "wss://s/ws"}]
)
def test_page_and_websocket_have_the_edges_origin(dot_env: dict[str, str]) -> None:
    web = environment("web", **DOT_ENV, **dot_env)
    origin = environment("edge", **dot_env)["SITE_ORIGIN"]
    assert web["ALLOWED_ORIGINS"] == origin
    assert web["WEBSOCKET_URL"] == origin.replace("http", "ws", 1) + "/ws"


def test_the_image_runs_without_root_and_has_a_healthcheck() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    user = next(line.split()[1] for line in reversed(lines) if line.startswith("USER "))
    assert user.isdecimal()
    assert user != "0"
    check = lines[next(n for n, line in enumerate(lines) if line.startswith("HEALTHCHECK ")) + 1]
    assert check.endswith('CMD ["python", "deploy/alive.py", "PORT", "8000"]')
    command = next(line.removeprefix("CMD ") for line in lines if line.startswith("CMD "))
    assert yaml.safe_load(command) == PROCFILE["web"]


def test_the_image_holds_every_module_of_the_processes() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    unignored = set(re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert names == unignored
    assert all((ROOT / name).exists() for name in names)
    assert {"app", "broadcaster", "config", "migrations", "wsgi.py", "alembic.ini"} <= names
