"""Fixtures: Chromium, pages without shared state, and systems with special settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.services import Services, services_in
from tests.support.system.harness import SystemHarness

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class OpenPage(Protocol):
    """Opens the live page of a system; `options` are those of Playwright's `new_context`.

    `init_script` runs before the page's own scripts.
    """

    def __call__(
        self, system: SystemHarness, path: str = "/", init_script: str = "", **options: Any
    ) -> Page: ...


def system_with(
    postgres: DatabaseServer, folders: pytest.TempPathFactory, variables: dict[str, str]
) -> Iterator[SystemHarness]:
    """A new system with these settings, beside the shared one."""
    with redis_server(folders.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        with SystemHarness(stores, folders.mktemp("system"), variables=variables) as system:
            yield system


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium; skips the test if Chromium or Playwright is not installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    if not CHROMIUM.exists():
        pytest.skip(f"needs Chromium at {CHROMIUM}")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens pages without shared cookies or storage, and closes them after the test."""
    contexts = []

    def open_page(
        system: SystemHarness, path: str = "/", init_script: str = "", **options: Any
    ) -> Page:
        contexts.append(browser.new_context(**options))
        contexts[-1].add_init_script(init_script)
        page = contexts[-1].new_page()
        page.goto(f"{system.url}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def default_limits_system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """A system with the default limits and fraud rule."""
    settings = {
        "TOKEN_LIMIT": "10 per minute",
        "INCREMENT_LIMIT": "5 per minute",
        "FRAUD_RAPID_MAX": "8",
    }
    yield from system_with(postgres, tmp_path_factory, settings)


@pytest.fixture(scope="session")
def short_limits_system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """A system with access tokens of 10 s, whose fraud rule flags more than 4 attempts in 3 s.

    A page has half of the 10 s to renew its token, which is enough on a busy machine too.
    """
    settings = {
        "ACCESS_TOKEN_SECONDS": "10",
        "FRAUD_RAPID_MAX": "4",
        "FRAUD_RAPID_SECONDS": "3",
    }
    yield from system_with(postgres, tmp_path_factory, settings)


@pytest.fixture(scope="session")
def operator(running_system: SystemHarness) -> Iterator[Services]:
    """The services of the running system, as operators' commands use them."""
    with services_in(running_system.environment()) as services:
        yield services


@pytest.fixture(scope="module")
def system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """A system of the test file's own, beside the shared one."""
    yield from system_with(postgres, tmp_path_factory, {})


@pytest.fixture(scope="module")
def services(system: SystemHarness) -> Iterator[Services]:
    """The services of this system, as operators' commands use them."""
    with services_in(system.environment()) as opened:
        yield opened
