"""The commands of docs/contest.md run a contest to its final table."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import ROOT
from tests.support.service_acts import act_id
from tests.support.system.harness import SystemHarness

pytestmark = pytest.mark.slow

CONTEST = (ROOT / "docs" / "contest.md").read_text(encoding="utf-8")


def test_the_commands_run_a_contest_from_the_board_to_the_final_table(
    running_system: SystemHarness, tmp_path: Path
) -> None:
    ada, grace = (running_system.register() for _ in range(2))
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```$", CONTEST, re.M | re.S))
    files = ("finals-csv.jws", "finals.jws", "keys.json")
    names = {name: str(tmp_path / f"{number}") for number, name in enumerate(files)}
    names |= {"finals": f"finals-{secrets.token_hex(4)}"}
    names |= {'"ada"': f'"{ada.username}"', '"grace"': f'"{grace.username}"'}
    names |= {f"$ID_{number}": act_id() for number in range(1, 5)}
    for name, value in names.items():
        script = script.replace(name, value)
    script = re.sub(r"^(flask keys create .*)$", r"KEY=$(\1 | tail -n 1)", script, flags=re.M)
    environment = running_system.environment() | {
        "API": f"{running_system.url}/api",
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
    }
    ended = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    steps = [line for line in lines if line.startswith("Step ")]
    place = f"; next is {ada.username}, rank 2 with 170"
    assert steps == [
        f"Step 1; acts to reveal: 1{place}",
        "Step 2; acts to reveal: 0",
        f"Step 1; acts to reveal: 1{place}",
        "Step 2; acts to reveal: 0",
    ]
    heading = lines.index("rank,userId,username,displayName,score")
    first, second = (line.split(",") for line in lines[heading + 1 : heading + 3])
    assert [first[0], first[4], second[0], second[4]] == ["1", "240", "2", "200"]
    assert first[1:3] == [ada.user_id, ada.username]
    verified = json.loads(ended.stdout[ended.stdout.rindex("\n{") :])
    shown = [(row["username"], row["revealStep"]) for row in verified["leaderboard"]]
    assert shown == [(ada.username, 2), (grace.username, None)]
