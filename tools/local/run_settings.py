"""The settings of a local run: what the environment lacks is completed for all its processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from config.settings import Settings, load_settings
from tools.local.network.hosts import origin, page_hosts
from tools.secrets_file import new_private_key, new_secret, read_or_create

PRIVATE_KEY_FILE = "jwt-private-key.pem"
ACTION_TOKEN_SECRET_FILE = "action-token-secret"  # noqa: S105 - the name of a file


def complete_environment(directory: Path) -> Settings:
    """Complete the environment that the processes inherit, and check it as they do.

    Keys and secrets are made in `directory`. Raises InvalidSettings.
    """
    for variable, file, make in (
        ("JWT_PRIVATE_KEY", PRIVATE_KEY_FILE, new_private_key),
        ("ACTION_TOKEN_SECRET", ACTION_TOKEN_SECRET_FILE, new_secret),
    ):
        if not os.environ.get(variable):
            os.environ[variable] = read_or_create(directory / file, make)
    if not os.environ.get("HOST"):
        # With PORT set, the default would be every address of the machine.
        os.environ["HOST"] = "127.0.0.1"
    settings = load_settings()
    # Otherwise a broadcaster beside PORT would say that it ignores PORT.
    os.environ["BROADCASTER_PORT"] = str(settings.broadcaster_port)
    if not os.environ.get("ALLOWED_ORIGINS"):
        # The page shows the first one on displays, as the address at which people join.
        origins = [origin(host, settings.port) for host in page_hosts(settings.host)]
        os.environ["ALLOWED_ORIGINS"] = ",".join(origins)
    binaries = Path(sys.executable).parent
    os.environ["PATH"] = f"{binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return settings
