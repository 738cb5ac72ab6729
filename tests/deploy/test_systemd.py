"""The units of deploy/systemd are valid and run the Procfile's commands."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from configparser import ConfigParser
from dataclasses import fields
from pathlib import Path

import pytest

from config.settings import VARIABLES, BroadcasterSettings, Settings
from config.storage_settings import DatabaseSettings
from tests.support.servers import ROOT
from tools.local.procfile import read_procfile

PROCFILE = read_procfile(ROOT / "Procfile")
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
INSTALLED = "/srv/scoreboard"


def unit(path: Path) -> ConfigParser:
    """The parsed unit."""
    found = ConfigParser(interpolation=None)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string(path.read_text())
    return found


def process_of(path: Path) -> str:
    """The unit's process in the Procfile."""
    return path.stem.removeprefix("live-scoreboard-")


def test_each_process_of_the_procfile_has_a_unit() -> None:
    assert {process_of(path) for path in UNITS} == set(PROCFILE)


@pytest.mark.parametrize("path", UNITS, ids=process_of)
def test_a_unit_has_the_procfiles_command(path: Path) -> None:
    service = unit(path)["Service"]
    program, *words = shlex.split(service["ExecStart"])
    expected, *expected_words = PROCFILE[process_of(path)]
    assert (program, words) == (f"{INSTALLED}/.venv/bin/{expected}", expected_words)
    assert service["WorkingDirectory"] == INSTALLED
    assert service["EnvironmentFile"] == "/etc/live-scoreboard/environment"


@pytest.mark.parametrize("path", UNITS, ids=process_of)
def test_a_unit_passes_on_only_the_secrets_that_its_process_needs(path: Path) -> None:
    kind = {"web": Settings, "broadcaster": BroadcasterSettings, "release": DatabaseSettings}
    needed = {each.metadata["variable"].name for each in fields(kind[process_of(path)])}
    secrets = {variable.name for variable in VARIABLES if variable.secret}
    removed = unit(path)["Service"].get("UnsetEnvironment", "").split()
    assert set(removed) == secrets - needed


def test_the_broadcaster_has_a_user_of_its_own() -> None:
    users = {process_of(path): unit(path)["Service"]["User"] for path in UNITS}
    assert users["web"] == users["release"] != users["broadcaster"]


@pytest.mark.parametrize("path", UNITS, ids=process_of)
def test_servers_start_after_a_successful_migration(path: Path) -> None:
    found = unit(path)
    if process_of(path) == "release":
        # Not RemainAfterExit: an update starts it again.
        assert found["Service"]["Type"] == "oneshot"
        assert "RemainAfterExit" not in found["Service"]
    else:
        assert found["Unit"]["Requires"] == "live-scoreboard-release.service"
        assert "live-scoreboard-release.service" in found["Unit"]["After"].split()
        # More than SHUTDOWN_SECONDS and the steps after it.
        assert int(found["Service"]["TimeoutStopSec"]) >= 30 + 3


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for path in UNITS:
        # systemd checks that each program exists, so the units name those of this environment.
        text = path.read_text().replace(f"{INSTALLED}/.venv/bin", str(Path(sys.executable).parent))
        (tmp_path / path.name).write_text(text)
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *tmp_path.iterdir()],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (checked.returncode, checked.stderr) == (0, "")
