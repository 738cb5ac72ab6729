"""A real Chromium, and pages opened in it as visitors of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from unittest.mock import patch

import pytest

from app.composition import Services, build_services
from config.settings import load_settings
from tests.servers import DatabaseServer, Stores, redis_server
from tests.system.running import RunningSystem

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
    """Opens the live page of a system; the options are those of Playwright's contexts."""

    def __call__(self, system: RunningSystem, path: str = "/", **options: Any) -> Page: ...


def own_system(
    postgres: DatabaseServer, folders: pytest.TempPathFactory, variables: dict[str, str]
) -> Iterator[RunningSystem]:
    """A system beside the shared one, with these settings."""
    with redis_server(folders.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        with RunningSystem(stores, folders.mktemp("system"), variables=variables) as system:
            yield system


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window; skips where it or Playwright isn't installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    if not CHROMIUM.exists():
        pytest.skip(f"needs Chromium at {CHROMIUM}")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens pages that share nothing, and closes them after the test."""
    contexts = []

    def open_page(system: RunningSystem, path: str = "/", **options: Any) -> Page:
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.goto(f"{system.url}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def strict_system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSystem]:
    """One with the limits and the fraud rule that hold by default."""
    defaults = {
        "TOKEN_LIMIT": "10 per minute",
        "INCREMENT_LIMIT": "5 per minute",
        "FRAUD_RAPID_MAX": "8",
    }
    yield from own_system(postgres, tmp_path_factory, defaults)


@pytest.fixture(scope="session")
def hasty_system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSystem]:
    """One whose access tokens are soon over, and where more than 4 attempts in 3 s are cheating."""
    hasty = {
        "ACCESS_TOKEN_SECONDS": "2",
        "FRAUD_RAPID_MAX": "4",
        "FRAUD_RAPID_SECONDS": "3",
    }
    yield from own_system(postgres, tmp_path_factory, hasty)


@pytest.fixture(scope="session")
def operator(running_system: RunningSystem) -> Iterator[Services]:
    """The running system's services as an operator's commands have them."""
    with patch.dict("os.environ", running_system.environment()):
        services = build_services(load_settings())
    yield services
    services.close()
