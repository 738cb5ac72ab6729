"""docker-compose.yml runs the Procfile's processes, in its order, with all that they need."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.settings import VARIABLES
from tools.procfile import read_procfile

ROOT = Path(__file__).resolve().parents[2]
PROCFILE = read_procfile(ROOT / "Procfile")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())[
    "services"
]


@pytest.mark.parametrize("name", ["release", "web", "broadcaster"])
def test_each_process_has_the_procfiles_command(name: str) -> None:
    assert shlex.split(SERVICES[name]["command"]) == PROCFILE[name]


def test_the_procfile_has_no_other_process() -> None:
    assert set(PROCFILE) == {"release", "web", "broadcaster"}
    assert set(SERVICES) == set(PROCFILE) | {"postgres", "valkey"}


@pytest.mark.parametrize("name", ["web", "broadcaster"])
def test_servers_wait_for_the_migration(name: str) -> None:
    awaited = SERVICES[name]["depends_on"]["release"]
    assert awaited == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("name", ["release", "web", "broadcaster"])
def test_every_setting_without_a_default_is_given(name: str) -> None:
    example = re.findall(r"^(\w+)=$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    given = set(SERVICES[name]["environment"]) | set(example)
    assert SERVICES[name]["env_file"] == ".env"
    assert {variable.name for variable in VARIABLES if variable.default is None} <= given


def test_the_image_holds_all_that_the_processes_import() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    unignored = set(re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert names == unignored
    assert all((ROOT / name).exists() for name in names)
    assert {"app", "broadcaster", "config", "migrations", "wsgi.py", "alembic.ini"} <= names
