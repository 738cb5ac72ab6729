"""Each process builds only the services that it uses, and connects to nothing while it does."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

import bcrypt
import pytest

from app.composition.api import build_api_services
from app.composition.broadcaster import build_broadcaster_services
from app.composition.commands import build_command_services
from app.composition.process import ProcessServices
from config.settings import Settings, load_settings
from tests.support.environment import base_environment
from tests.support.system.harness import free_ports

Build = Callable[[Settings], ProcessServices]


@pytest.fixture
def unreachable_stores() -> Settings:
    """Settings whose PostgreSQL and Redis refuse connections."""
    (port,) = free_ports(1)
    urls = {
        "DATABASE_URL": f"postgresql://u@127.0.0.1:{port}/d",
        "DATABASE_READ_URL": f"postgresql://u@127.0.0.1:{port}/d",
        "REDIS_URL": f"redis://127.0.0.1:{port}/0",
    }
    with patch.dict("os.environ", base_environment() | urls):
        return load_settings()


@pytest.mark.parametrize(
    ("build", "hashes"),
    [
        (build_api_services, 1),
        (build_broadcaster_services, 0),
        (build_command_services, 0),
    ],
    ids=["API", "broadcaster", "command"],
)
def test_only_the_api_hashes_a_dummy_password_at_start(
    unreachable_stores: Settings, build: Build, hashes: int
) -> None:
    with patch.object(bcrypt, "hashpw", wraps=bcrypt.hashpw) as hash_password:
        services = build(unreachable_stores)
    services.close()
    assert hash_password.call_count == hashes
