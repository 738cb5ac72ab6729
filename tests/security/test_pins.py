"""What is installed is what was chosen, and docs/security.md names tests that there are."""

from __future__ import annotations

import re

import pytest

from tests.servers import ROOT

PRODUCTION = ("app", "bench", "broadcaster", "config", "migrations", "tools")
LISTS = ("requirements", "requirements-dev", "requirements-audit")
TABLE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", LISTS)
def test_every_version_is_pinned_with_the_hashes_of_its_files(name: str) -> None:
    chosen = (ROOT / f"{name}.in").read_text(encoding="utf-8")
    pinned = (ROOT / f"{name}.txt").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n", " ", re.sub(r"^ *#.*\n", "", pinned, flags=re.M)).splitlines()
    assert len(lines) > 10
    for line in lines:
        assert re.fullmatch(r"[\w.-]+==\S+( ; [^#]+?)?( +--hash=sha256:[0-9a-f]{64})+", line), line
    versions = {line.split(" ")[0].lower() for line in lines}
    for line in re.findall(r"^[^#\n-].*$", chosen, re.M):
        assert line.lower().replace("_", "-") in versions, f"`make pins` was forgotten for {line}"


def test_what_installs_asks_for_the_hashes() -> None:
    for file in ("Dockerfile", "docs/deploy.md"):
        text = (ROOT / file).read_text(encoding="utf-8")
        lines = re.findall(r"^.*pip install.*requirements.*$", text, re.M)
        assert lines, file
        assert all("--require-hashes" in line for line in lines), lines
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "--require-hashes" in re.findall(r"^INSTALL := .*$", makefile, re.M)[0]
    assert makefile.count("-m pip ") == makefile.count("$(INSTALL)") == 2


def test_each_exception_from_a_security_rule_bears_its_reason() -> None:
    found = [
        line
        for folder in PRODUCTION
        for path in (ROOT / folder).rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"# (ruff: )?noqa: .*\bS[0-9]+|# nosec", line)
    ]
    assert len(found) > 10
    for line in found:
        assert re.search(r"noqa: S[0-9]+ - \w+", line), line


def test_each_attack_in_the_table_is_tried_by_a_test_that_there_is() -> None:
    rows = [line for line in TABLE.splitlines() if line.startswith("| ") and "`test_" in line]
    assert len(rows) > 40
    for row in rows:
        assert row.count(" | ") == 3, row
        named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", row)
        assert named, row
        for file, test in named:
            texts = [path.read_text(encoding="utf-8") for path in ROOT.glob(f"tests/**/{file}")]
            assert any(f"def {test}(" in text for text in texts), f"{file}::{test}"


def test_each_test_of_an_attack_is_in_the_table() -> None:
    for path in sorted((ROOT / "tests" / "security").glob("test_*.py")):
        assert f"`{path.name}::" in TABLE, path.name
