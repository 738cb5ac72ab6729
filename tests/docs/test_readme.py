"""The commands of the README do what it says."""

from __future__ import annotations

import json
import re
import secrets
import subprocess

import pytest
import yaml

from tests.support.servers import ROOT
from tests.support.system.harness import SystemHarness

README = (ROOT / "README.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.slow


def test_the_game_developers_commands_score_a_point(running_system: SystemHarness) -> None:
    (commands,) = re.findall(r"^```sh\n(.*?)^```$", README, re.M | re.S)
    commands = commands.replace("http://127.0.0.1:8000", running_system.url)
    commands = commands.replace('"ada"', f'"ada_{secrets.token_hex(4)}"')
    ended = subprocess.run(
        ["sh", "-eu", "-c", commands], capture_output=True, text=True, check=True, timeout=60
    )
    increment, board = (json.loads(line) for line in ended.stdout.splitlines())
    assert increment["newScore"] == 1
    assert board["version"] >= increment["boardVersion"]
    # The documented answers have the same fields.
    (documented,) = re.findall(r"^```json\n(.*?)^```$", README, re.M | re.S)
    first, _, second = documented.partition("\n")
    assert set(json.loads(first)) == set(increment)
    assert set(json.loads(second)) == set(board)
    assert set(json.loads(second)["leaderboard"][0]) == set(board["leaderboard"][0])


def test_the_smoke_test_passes(running_system: SystemHarness) -> None:
    ended = subprocess.run(
        ["bash", ROOT / "tests" / "smoke.sh", running_system.url],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_operators_address_is_the_edges_default() -> None:
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    edge = composed["services"]["edge"]
    assert edge["environment"]["SITE_ORIGIN"] == "${SITE_ORIGIN:-http://localhost}"
    assert "80:80" in edge["ports"]
    assert "<http://localhost/>" in README
