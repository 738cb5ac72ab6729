"""The configuration of Alertmanager, and what it sends for an alert of our rules."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import yaml

from tests.support.servers import ROOT
from tests.support.system.alert_receiver import AlertReceiver, alert_receiver
from tests.support.system.harness import free_ports
from tests.support.waiting import await_true
from tools.local.processes import end, spawn

CONFIGURATION = (ROOT / "deploy/alertmanager/alertmanager.yml").read_text(encoding="utf-8")
COMMAND = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
needs_alertmanager = pytest.mark.skipif(
    COMMAND is None,
    reason="Alertmanager is not here; .ci/run takes it out of Debian's package",
)


def test_alerts_of_every_severity_reach_a_receiver_that_also_learns_their_end() -> None:
    found = yaml.safe_load(CONFIGURATION)
    rules = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"][0]
    severities = {rule["labels"]["severity"] for rule in rules["rules"]}
    routed = {found["route"]["receiver"]} | {each["receiver"] for each in found["route"]["routes"]}
    assert severities == {"page", "ticket"}
    assert routed == {receiver["name"] for receiver in found["receivers"]}
    for receiver in found["receivers"]:
        for service in receiver["slack_configs"]:
            assert service["send_resolved"] is True
            assert service["api_url_file"] == "/run/secrets/alert_webhook"


@pytest.fixture
def receiver() -> Iterator[AlertReceiver]:
    with alert_receiver() as made:
        yield made


@pytest.fixture
def alertmanager(receiver: AlertReceiver, tmp_path: Path) -> Iterator[str]:
    """The URL of an Alertmanager with our configuration and short waits."""
    assert COMMAND is not None
    webhook = tmp_path / "alert_webhook"
    webhook.write_text(f"http://127.0.0.1:{urlsplit(receiver.url).port}/")
    short = CONFIGURATION.replace("/run/secrets/alert_webhook", str(webhook))
    short = short.replace("group_wait: 10s", "group_wait: 10ms")
    short = short.replace("group_interval: 5m", "group_interval: 1s")
    file = tmp_path / "alertmanager.yml"
    file.write_text(short)
    (port,) = free_ports(1)
    options = [f"--config.file={file}", f"--storage.path={tmp_path}", "--cluster.listen-address="]
    with (tmp_path / "log").open("wb") as log:
        process = spawn([COMMAND, *options, f"--web.listen-address=127.0.0.1:{port}"], output=log)
        try:
            url = f"http://127.0.0.1:{port}"
            await_true(lambda: _is_ready(url), 20)
            yield url
        finally:
            end(process, (signal.SIGTERM, 10))


def _is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/-/ready", timeout=2).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


@pytest.mark.slow
@needs_alertmanager
def test_operators_get_one_message_when_an_alert_begins_and_one_when_it_is_over(
    alertmanager: str, receiver: AlertReceiver
) -> None:
    alert = {
        "labels": {"alertname": "ScoreboardApiDown", "severity": "page", "instance": "a:8000"},
        "annotations": {"summary": "API server a:8000 does not answer"},
    }
    assert requests.post(f"{alertmanager}/api/v2/alerts", json=[alert], timeout=5).ok
    await_true(lambda: len(receiver.messages) == 1, 30)
    time.sleep(1.5)
    ended = alert | {"endsAt": datetime.now(UTC).isoformat()}
    assert requests.post(f"{alertmanager}/api/v2/alerts", json=[ended], timeout=5).ok
    await_true(lambda: len(receiver.messages) == 2, 30)
    begun, over = [message["attachments"][0] for message in receiver.messages]
    assert begun["title"] == "firing: ScoreboardApiDown (page)"
    assert begun["text"].strip() == "API server a:8000 does not answer"
    assert over["title"] == "resolved: ScoreboardApiDown (page)"


@needs_alertmanager
def test_amtool_accepts_the_configuration() -> None:
    checked = subprocess.run(
        ["amtool", "check-config", ROOT / "deploy/alertmanager/alertmanager.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
