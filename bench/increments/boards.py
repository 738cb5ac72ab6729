"""What the measurement changes on the site: a board with a service key, and periods of `main`."""

from __future__ import annotations

import os
import pwd
from contextlib import closing
from unittest.mock import patch

import psycopg2

from app.audit.audited_change import Initiator
from app.boards.board import BoardSettings
from bench.increments.site import BenchSite
from config.settings import load_settings
from tests.support.services import build_services

BOARD = "bench"


def service_key(site: BenchSite) -> str:
    """The key of a new board that services score on."""
    by = Initiator(f"operator:{pwd.getpwuid(os.getuid()).pw_name}", "a measurement")
    with patch.dict("os.environ", site.environment, clear=True):
        services = build_services(load_settings())
    services.boards.create(by, BoardSettings(BOARD, "Measurement"))
    key = services.service_keys.create(by, "measurement", [BOARD], None).text
    services.close()
    return key


def add_periods(site: BenchSite) -> None:
    """Let `main` count in four periods at once, here and in the copy that pgbench uses."""
    for url in (site.postgres.url, site.copy_url):
        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE boards SET periods = '{all,day,week,month}' WHERE id = 0")
            connection.commit()
