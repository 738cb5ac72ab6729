"""docs/operations.md and deploy/ match the code; promtool checks the files for Prometheus."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.settings import VARIABLES
from tests.support.servers import ROOT

PROMETHEUS = ROOT / "deploy" / "prometheus"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
RULES: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"][0][
    "rules"
]
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="promtool is not here; .ci/run takes it out of Debian's package prometheus",
)


def section(title: str) -> str:
    """The section of operations.md with this title."""
    (found,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", OPERATIONS, re.M | re.S)
    return str(found)


def promtool(*arguments: str, folder: Path = PROMETHEUS) -> None:
    ended = subprocess.run(
        ["promtool", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_setting_in_the_document_exists() -> None:
    named = set(
        re.findall(r"^\| `([A-Z_]+)` \|", section("Settings that matter in operation"), re.M)
    )
    assert len(named) > 5
    assert named <= {variable.name for variable in VARIABLES}


def test_each_alert_is_explained_and_each_explanation_has_an_alert() -> None:
    explained = re.findall(r"^\| `(Scoreboard\w+)` \|", OPERATIONS, re.M)
    assert sorted(explained) == sorted(rule["alert"] for rule in RULES)


def test_each_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    for fires in (True, False):
        tried = {case["alertname"] for case in cases if bool(case["exp_alerts"]) == fires}
        assert tried == {rule["alert"] for rule in RULES}


def test_the_dashboard_uses_the_selected_datasource() -> None:
    dashboard = json.loads((ROOT / "deploy/grafana/scoreboard.json").read_text(encoding="utf-8"))
    graphs = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    sources = {json.dumps(target["datasource"]) for graph in graphs for target in graph["targets"]}
    assert sources == {json.dumps({"type": "prometheus", "uid": "${datasource}"})}
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


@needs_promtool
def test_promtool_accepts_the_configuration_and_the_rules(tmp_path: Path) -> None:
    promtool("check", "config", "prometheus.yml")
    # promtool requires that the file, which Compose provides, exists.
    token = tmp_path / "metrics_token"
    token.write_text("x" * 16)
    folder = shutil.copytree(PROMETHEUS, tmp_path / "prometheus")
    compose = folder / "compose.yml"
    inside = compose.read_text(encoding="utf-8")
    assert inside.count("/run/secrets/metrics_token") == 2
    compose.write_text(inside.replace("/run/secrets/metrics_token", str(token)))
    promtool("check", "config", "compose.yml", folder=folder)


@needs_promtool
def test_the_rules_fire_exactly_when_they_should() -> None:
    promtool("test", "rules", "alerts_test.yml")


@needs_promtool
def test_prometheus_can_parse_every_query_of_the_dashboard(tmp_path_factory: Any) -> None:
    dashboard = json.loads((ROOT / "deploy/grafana/scoreboard.json").read_text(encoding="utf-8"))
    queries = [t["expr"] for panel in dashboard["panels"] for t in panel.get("targets", [])]
    # As rules, because promtool checks no single query. Grafana replaces its $__ variables.
    rules = [
        {"record": f"query:{n}", "expr": re.sub(r"\$__\w+", "1m", query)}
        for n, query in enumerate(queries)
    ]
    file = tmp_path_factory.mktemp("dashboard") / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", str(file))
