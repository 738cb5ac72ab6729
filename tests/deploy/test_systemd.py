"""The units of deploy/systemd are what systemd reads, and run the Procfile's commands."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.servers import ROOT
from tools.procfile import read_procfile

PROCFILE = read_procfile(ROOT / "Procfile")
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
INSTALLED = "/srv/scoreboard"


def unit(path: Path) -> ConfigParser:
    found = ConfigParser(interpolation=None)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string(path.read_text())
    return found


def process_of(path: Path) -> str:
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
    assert service["User"] == "scoreboard"


@pytest.mark.parametrize("path", UNITS, ids=process_of)
def test_servers_start_after_a_migration_that_succeeded(path: Path) -> None:
    found = unit(path)
    if process_of(path) == "release":
        # Not RemainAfterExit: an update starts it again.
        assert found["Service"]["Type"] == "oneshot"
        assert "RemainAfterExit" not in found["Service"]
    else:
        assert found["Unit"]["Requires"] == "live-scoreboard-release.service"
        assert "live-scoreboard-release.service" in found["Unit"]["After"].split()
        # More than SHUTDOWN_SECONDS and what follows.
        assert int(found["Service"]["TimeoutStopSec"]) >= 30 + 3


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_finds_nothing_to_complain_of(tmp_path: Path) -> None:
    for path in UNITS:
        # It looks whether what is started can be, so the programs are ours of this moment.
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
