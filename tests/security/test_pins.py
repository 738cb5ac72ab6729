"""Installed packages are pinned with hashes, and docs/security.md names existing tests."""

from __future__ import annotations

import hashlib
import json
import re

import pytest

from tests.support.servers import ROOT

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


def test_every_javascript_package_is_pinned_by_hash_and_names_no_registry() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    packages = [package for name, package in lock["packages"].items() if name]
    assert len(packages) > 10
    for package in packages:
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package["integrity"])
        assert "resolved" not in package


def test_vendored_files_are_as_published() -> None:
    folder = ROOT / "app" / "web" / "static" / "vendor"
    sums = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    hashes = {name: digest for digest, name in (line.split("  ") for line in sums)}
    files = {path for path in folder.rglob("*") if path.suffix in {".js", ".css", ".woff2"}}
    assert {str(path.relative_to(folder)) for path in files} == set(hashes)
    for path in files:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        assert found == hashes[str(path.relative_to(folder))], path


def test_every_installation_requires_hashes() -> None:
    for file in ("Dockerfile", "docs/deploy.md"):
        text = (ROOT / file).read_text(encoding="utf-8")
        lines = re.findall(r"^.*pip install.*requirements.*$", text, re.M)
        assert lines, file
        assert all("--require-hashes" in line for line in lines), lines
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "--require-hashes" in re.findall(r"^INSTALL := .*$", makefile, re.M)[0]
    assert makefile.count("-m pip ") == makefile.count("$(INSTALL)") == 2


def test_each_exception_from_a_security_rule_has_a_reason() -> None:
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


def test_each_attack_in_the_table_has_an_existing_test() -> None:
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
    for path in sorted((ROOT / "tests" / "security").rglob("test_*.py")):
        assert f"`{path.name}::" in TABLE, path.name
