"""The commands of the README do what it says."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.boards.board import BoardSettings
from tests.support.servers import ROOT
from tests.support.service_acts import OPERATOR, act_id
from tests.support.services import services_in
from tests.support.system.harness import SystemHarness

README = (ROOT / "README.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.slow


def commands(number: int, system: SystemHarness) -> str:
    """A block of commands for the game developer, with this system's address."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", README, re.M | re.S)
    return str(blocks[number]).replace("http://127.0.0.1:8000", system.url)


def run(script: str, system: SystemHarness) -> list[Any]:
    """The JSON documents that the commands print."""
    environment = system.environment() | {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    ended = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]


def test_the_game_developers_commands_score_a_point(running_system: SystemHarness) -> None:
    before = running_system.register().score_point()
    script = commands(0, running_system).replace('"ada"', f'"ada_{secrets.token_hex(4)}"')
    increment, board = run(script, running_system)
    assert increment["newScore"] == 1
    # Another worker may answer, which hears of the increment a moment later.
    assert board["version"] >= before["boardVersion"]
    # The documented answers have the same fields.
    (documented,) = re.findall(r"^```json\n(.*?)^```$", README, re.M | re.S)
    first, _, second = documented.partition("\n")
    assert set(json.loads(first)) == set(increment)
    assert set(json.loads(second)) == set(board)
    assert set(json.loads(second)["leaderboard"][0]) == set(board["leaderboard"][0])


def test_the_game_developers_server_scores_on_a_board_of_its_own(
    running_system: SystemHarness,
) -> None:
    player = running_system.register()
    script = commands(1, running_system).replace("ada", player.username)
    script = script.replace("quiz-night", f"quiz-{secrets.token_hex(4)}")
    script = re.sub(r'make flask ARGS="([^"]*)"', r"flask \1", script)
    answer, board = run(f"API={running_system.url}/api\n{script}", running_system)
    assert [result["status"] for result in answer["results"]] == ["counted"]
    assert [(row["username"], row["score"]) for row in board["leaderboard"]] == [
        (player.username, 120)
    ]


def test_the_four_commands_of_the_guide_to_boards_make_a_quiz_night(
    running_system: SystemHarness,
) -> None:
    player = running_system.register()
    guide = (ROOT / "docs" / "boards.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^## A quiz night in four commands\n\n((?: {4}.*\n)+)", guide, re.M)
    script = block.replace('"ada"', f'"{player.username}"').replace("curl", "\ncurl -sS")
    script = script.replace("quiz-night", f"quiz-{secrets.token_hex(4)}")
    variables = f"API={running_system.url}\nID={act_id()}\n"
    answer, board = run(variables + script, running_system)
    assert [result["status"] for result in answer["results"]] == ["counted"]
    assert [row["score"] for row in board["leaderboard"]] == [120]


def smoke(system: SystemHarness, *arguments: str) -> str:
    ended = subprocess.run(
        ["bash", ROOT / "tests" / "smoke.sh", system.url, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_the_smoke_test_passes(running_system: SystemHarness) -> None:
    smoke(running_system)


def test_the_smoke_test_reports_scores_to_a_board(running_system: SystemHarness) -> None:
    board = f"smoke-{secrets.token_hex(4)}"
    with services_in(running_system.environment()) as services:
        services.boards.create(OPERATOR, BoardSettings(board, "Smoke"))
        key = services.service_keys.create(OPERATOR, "smoke", [board], None).text
    assert "ok  service score again 200" in smoke(running_system, board, key)


def test_the_operators_address_is_the_edges_default() -> None:
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    edge = composed["services"]["edge"]
    assert edge["environment"]["SITE_ORIGIN"] == "${SITE_ORIGIN:-http://localhost}"
    assert "80:80" in edge["ports"]
    assert "<http://localhost/>" in README
