"""The services of all processes over the same stores, for tests and measurements to call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from app.accounts.display_tokens import DisplayTokens
from app.accounts.viewer_authentication import ViewerAuthentication
from app.composition.api import ApiServices, build_api_services
from app.composition.broadcaster import build_broadcaster_services
from app.composition.commands import build_command_services
from app.composition.process import ProcessServices
from app.maintenance.ledger_check import LedgerCheck
from app.maintenance.partitions import Partitions
from app.storage.database import Database
from config.settings import Settings, load_settings


@dataclass(frozen=True)
class Services(ApiServices):
    """An API's services, the stores behind them, and what the other processes can do besides."""

    database: Database
    replica: Database | None
    display_tokens: DisplayTokens
    ledger_check: LedgerCheck
    partitions: Partitions
    viewer_authentication: ViewerAuthentication
    other_processes: tuple[ProcessServices, ...]

    def close(self) -> None:
        for process in self.other_processes:
            process.close()
        super().close()


def build_services(settings: Settings) -> Services:
    """The services of an API, a broadcaster and a command, each built as its process does."""
    api = build_api_services(settings)
    broadcaster = build_broadcaster_services(settings)
    command = build_command_services(settings)
    return Services(
        **vars(api),
        database=api.connections.database,
        replica=api.connections.replica,
        display_tokens=command.display_tokens,
        ledger_check=command.ledger_check,
        partitions=command.partitions,
        viewer_authentication=broadcaster.viewer_authentication,
        other_processes=(broadcaster, command),
    )


@contextmanager
def services_in(environment: Mapping[str, str]) -> Iterator[Services]:
    """The services of processes with these variables, such as those of a running system."""
    with patch.dict("os.environ", environment):
        services = build_services(load_settings())
    try:
        yield services
    finally:
        services.close()
