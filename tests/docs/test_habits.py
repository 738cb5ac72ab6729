"""The files that tell an editor, a code host and make what to do."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

from tests.support.servers import ROOT

WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def make() -> str:
    """What `make` without a target prints."""
    ended = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return ended.stdout


def test_make_alone_prints_each_target_with_one_line() -> None:
    (phony,) = re.findall(r"^\.PHONY: ((?:.*\\\n)*.*)$", MAKEFILE, re.M)
    targets = set(phony.replace("\\\n", " ").split())
    printed = make().splitlines()
    assert {line.split()[1] for line in printed} == targets
    assert all(len(line) <= 100 for line in printed)


def test_the_workflow_is_valid_and_runs_the_ci_script() -> None:
    tool = Path(sys.executable).parent / "check-jsonschema"
    subprocess.run([tool, "--builtin-schema", "vendor.github-workflows", WORKFLOW], check=True)
    steps = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["ci"]["steps"]
    assert steps[-1]["run"] == "bash .ci/run"


def test_pre_commit_runs_what_make_lint_runs() -> None:
    configuration = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (repository,) = configuration["repos"]
    assert repository["repo"] == "local"
    assert [hook["entry"] for hook in repository["hooks"]] == ["make lint"]
