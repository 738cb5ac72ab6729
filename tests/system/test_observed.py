"""Logs and metrics of real processes after every call of the contract."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.servers import ROOT, DatabaseServer, Stores, redis_server
from tests.support.system.contract_walk import SETTINGS, ContractWalk
from tests.support.system.harness import SystemHarness

pytestmark = pytest.mark.slow
FIELDS = {"event", "method", "path", "status", "duration_ms", "user", "requestId", "level"}
DEPLOYED = ("grafana/scoreboard.json", "prometheus/alerts.yml")


@pytest.fixture(scope="module")
def walked(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ContractWalk]:
    """The calls, made once for all tests."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        logs = tmp_path_factory.mktemp("logs")
        with SystemHarness(stores, logs, variables=SETTINGS) as system:
            walked = ContractWalk(system)
            walked.walk()
            yield walked


WITH_A_REPLICA = {"scoreboard_replica_reads_total"}
"""Present only with DATABASE_READ_URL; tests/system/test_replica.py checks it."""


@pytest.fixture(scope="module")
def exposed(walked: ContractWalk) -> dict[str, str]:
    """The answer of each process to GET /metrics after the calls."""
    urls = {"web": walked.system.url, "broadcaster": broadcaster_url(walked)}
    return {name: requests.get(f"{url}/metrics", timeout=10).text for name, url in urls.items()}


def broadcaster_url(walked: ContractWalk) -> str:
    """The HTTP address of the broadcaster."""
    return f"http://127.0.0.1:{walked.system.broadcaster_port}"


def lines(walked: ContractWalk, name: str) -> list[dict[str, Any]]:
    """The lines of the log; fails the test unless each is a JSON object."""
    parsed = [json.loads(line) for line in walked.system.log(name).splitlines()]
    assert all(isinstance(line, dict) and {"event", "level"} <= line.keys() for line in parsed)
    return parsed


def request_lines(walked: ContractWalk, name: str) -> list[dict[str, Any]]:
    """The log lines of requests."""
    return [line for line in lines(walked, name) if line["event"] == "request"]


def test_no_secret_is_in_any_log(walked: ContractWalk) -> None:
    logs = walked.system.log("web") + walked.system.log("broadcaster")
    assert len(walked.secrets) > 60
    assert [secret for secret in walked.secrets if secret in logs] == []
    # The password hash of a statement that failed.
    assert "$2b$" not in logs


@pytest.mark.parametrize("name", ["web", "broadcaster"])
def test_every_log_line_is_json_also_those_of_gunicorn(walked: ContractWalk, name: str) -> None:
    loggers = {line["logger"] for line in lines(walked, name)}
    assert ("gunicorn.error" in loggers) == (name == "web")


def test_each_request_has_exactly_one_line(walked: ContractWalk) -> None:
    assert not re.search(r'"event": "(GET|POST|PUT) ', walked.system.log("web"))
    found = [*request_lines(walked, "web"), *request_lines(walked, "broadcaster")]
    times = Counter(line["requestId"] for line in found)
    assert set(times.values()) == {1}
    assert walked.replies.keys() <= times.keys()
    for line in found:
        assert line.keys() >= FIELDS
        if reply := walked.replies.get(line["requestId"]):
            assert line["status"] == reply.status_code
            assert line["method"] == reply.request.method
            assert reply.request.url and line["path"] in reply.request.url
            assert line["duration_ms"] >= 0


def test_an_error_is_logged_with_code_and_cause_and_a_server_error_with_its_stack(
    walked: ContractWalk,
) -> None:
    found = [*request_lines(walked, "web"), *request_lines(walked, "broadcaster")]
    seen = set()
    # The 503 of a health check, during a slow start for instance, is a report and has no code.
    for line in [each for each in found if each["path"] != "/health"]:
        if line["status"] >= 400:
            assert line["code"]
            assert line["cause"]
            assert ("Traceback" in line.get("exception", "")) == (line["status"] >= 500)
            seen.add(line["code"])
        if reply := walked.replies.get(line["requestId"]):
            assert line.get("code") == (reply.json()["code"] if reply.status_code >= 400 else None)
    assert {"DB_ERROR", "TOKEN_USED", "RATE_LIMITED", "USER_BANNED", "UPGRADE_REQUIRED"} <= seen


def test_the_log_line_of_a_known_user_has_the_user_id(walked: ContractWalk) -> None:
    by_id = {line["requestId"]: line for line in request_lines(walked, "web")}
    registrations = {
        i: reply.json() for i, reply in walked.replies.items() if reply.status_code == 201
    }
    assert len(registrations) == 3
    assert all(by_id[i]["user"] == reply["userId"] for i, reply in registrations.items())
    tokens = [line for line in by_id.values() if line["path"] == "/api/actions/token"]
    assert len(tokens) == 11
    assert (
        len(
            {line["user"] for line in tokens}
            & {reply["userId"] for reply in registrations.values()}
        )
        == 1
    )


def test_every_log_line_during_a_request_has_its_id(walked: ContractWalk) -> None:
    banned = [line for line in lines(walked, "web") if line["logger"].startswith("app.fraud")]
    ids = {line["requestId"] for line in request_lines(walked, "web")}
    assert banned
    assert all(line["requestId"] in ids for line in banned)


@pytest.mark.parametrize("name", ["web", "broadcaster"])
def test_errors_are_counted_as_often_as_they_are_logged(
    walked: ContractWalk, exposed: dict[str, str], name: str
) -> None:
    logged = Counter(line["code"] for line in request_lines(walked, name) if "code" in line)
    counted = re.findall(r'^scoreboard_errors_total{code="(\w+)"} (\S+)', exposed[name], re.M)
    assert {code: int(float(times)) for code, times in counted if float(times)} == dict(logged)


@pytest.mark.parametrize("path", ["/metrics", "/api/metrics"])
def test_requests_are_counted_by_route_and_never_by_path(
    walked: ContractWalk, exposed: dict[str, str], path: str
) -> None:
    routes = set(re.findall(r'route="([^"]*)"', exposed["web"]))
    assert {"/api/auth/login", "/api/scores/increment", "/leaderboard", "none", path} - {
        "/api/metrics"
    } <= routes
    assert "/assets/<path:filename>" in routes
    assert not {"/nothing", "/assets/main.js"} & routes
    assert requests.get(f"{walked.system.url}{path}", timeout=10).ok


def test_tokens_increments_and_fraud_are_counted(exposed: dict[str, str]) -> None:
    for series in (
        "scoreboard_tokens_issued_total 10.0",
        'scoreboard_tokens_refused_total{act="issue",reason="RATE_LIMITED"} 1.0',
        'scoreboard_tokens_refused_total{act="spend",reason="TOKEN_USED"} 1.0',
        "scoreboard_increments_total 1.0",
        'scoreboard_fraud_events_total{action="FLAG",rule="rapid_requests"} 1.0',
        'scoreboard_fraud_events_total{action="BAN",rule="rapid_requests"} 1.0',
        "scoreboard_index_rebuilds_total 1.0",
    ):
        assert series in exposed["web"]


def test_every_metric_of_dashboard_and_alerts_is_exposed(exposed: dict[str, str]) -> None:
    shown = set(re.findall(r"^(\w+)[ {]", exposed["web"] + exposed["broadcaster"], re.M))
    for name in DEPLOYED:
        text = Path(ROOT / "deploy" / name).read_text(encoding="utf-8")
        queried = set(re.findall(r"\b(?:scoreboard|process)_\w+", text))
        assert len(queried) > 8
        assert queried - shown <= WITH_A_REPLICA
