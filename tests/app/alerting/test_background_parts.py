"""Background parts: no unforeseen error ends one, and a dead one shows in health and alerts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from unittest.mock import patch

import pytest
from prometheus_client import REGISTRY

from app.alerting.background_parts import BackgroundPart, BackgroundParts, Loop
from tests.support.services import Services
from tests.support.system.alert_receiver import alert_receiver
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

SILENCE_SECONDS = 0.3
ignore_ended_threads = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnhandledThreadExceptionWarning"
)


class PartHarness:
    """A part in a thread, with the errors that it reported."""

    def __init__(self) -> None:
        self.parts = BackgroundParts()
        self.errors: list[BaseException] = []
        self._threads: list[tuple[BackgroundPart, threading.Thread]] = []

    def start(self, name: str, loop: Loop) -> None:
        part = self.parts.add(name, self.errors.append, SILENCE_SECONDS)
        thread = threading.Thread(target=part.run, args=(loop,))
        thread.start()
        self._threads.append((part, thread))

    def stop(self) -> None:
        for part, _ in self._threads:
            part.stop()
        for _, thread in self._threads:
            thread.join(5)


@pytest.fixture
def harness() -> Iterator[PartHarness]:
    made = PartHarness()
    yield made
    made.stop()


def failures(name: str) -> float:
    found = REGISTRY.get_sample_value("scoreboard_background_failures_total", {"part": name})
    return found or 0.0


def test_a_part_that_fails_is_reported_counted_and_restarted(harness: PartHarness) -> None:
    restarted = threading.Event()

    def fail_twice(progress: Callable[[], None]) -> None:
        if len(harness.errors) < 2:
            raise ZeroDivisionError
        restarted.set()

    before = failures("unlucky")
    harness.start("unlucky", fail_twice)
    assert restarted.wait(5)
    assert [type(error) for error in harness.errors] == [ZeroDivisionError] * 2
    assert failures("unlucky") == before + 2
    await_true(lambda: harness.parts.dead() == [], 5)


def test_the_failures_of_a_part_are_counted_from_zero(harness: PartHarness) -> None:
    started = threading.Event()
    harness.start("lucky", lambda _progress: started.set())
    assert started.wait(5)
    series = {"part": "lucky"}
    assert REGISTRY.get_sample_value("scoreboard_background_failures_total", series) == 0


@ignore_ended_threads
def test_a_part_that_fails_again_and_again_hangs_or_has_ended_is_dead(
    harness: PartHarness,
) -> None:
    ended = threading.Event()

    def fail(_progress: Callable[[], None]) -> None:
        raise ValueError("always")

    def hang(_progress: Callable[[], None]) -> None:
        ended.wait(10)

    def exit_thread(_progress: Callable[[], None]) -> None:
        raise SystemExit

    def work(progress: Callable[[], None]) -> None:
        while not ended.wait(SILENCE_SECONDS / 10):
            progress()

    loops = {"failing": fail, "hanging": hang, "ended": exit_thread, "working": work}
    for name, loop in loops.items():
        harness.start(name, loop)
    await_true(lambda: harness.parts.dead() == ["failing", "hanging", "ended"], 5)
    ended.set()


def test_a_removed_part_is_not_dead_and_has_no_series(harness: PartHarness) -> None:
    part = harness.parts.add("short", harness.errors.append, max_silence_seconds=0)
    part.run(lambda progress: progress())
    series = "scoreboard_background_progress_timestamp_seconds"
    assert REGISTRY.get_sample_value(series, {"part": "short"})
    harness.parts.remove(part)
    assert harness.parts.dead() == []
    assert REGISTRY.get_sample_value(series, {"part": "short"}) is None


@ignore_ended_threads
def test_a_dead_part_makes_the_process_unhealthy_and_sends_an_alert(
    make_services: Callable[..., Services],
) -> None:
    with alert_receiver() as receiver, patch("app.alerting.alerts.CHECK_SECONDS", 0.1):
        services = make_services(ALERT_URLS=receiver.url)
        services.alerts.start()
        assert services.health.check().healthy
        part = services.parts.add("killed", lambda _: None, SILENCE_SECONDS)

        def exit_thread(_progress: Callable[[], None]) -> None:
            raise SystemExit

        threading.Thread(target=part.run, args=(exit_thread,)).start()
        await_true(lambda: not services.health.check().healthy, 5)
        assert services.health.check().as_json()["background"] == "error"
        await_true(lambda: receiver.titles() == ["PART_FAILED"], 5)
        assert "killed makes no progress" in receiver.messages[0]["message"]
