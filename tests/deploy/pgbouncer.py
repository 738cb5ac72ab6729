"""Debian's PgBouncer with the configuration of deploy/, in front of an embedded PostgreSQL."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
from pathlib import Path

from sqlalchemy import make_url

from tests.support.servers import ROOT
from tools.local.embedded import unprivileged_user
from tools.local.embedded_server import HOST, EmbeddedServer

FILE = ROOT / "deploy" / "pgbouncer" / "pgbouncer.ini"
BINARY = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin") or ""


class PgBouncer(EmbeddedServer):
    """The pooler of one database, with so few connections that clients have to share them."""

    name = "PgBouncer"
    _end_signal = signal.SIGTERM  # immediate; SIGINT would wait for the clients

    def __init__(self, folder: Path, database_url: str, pool_size: int) -> None:
        super().__init__(folder)
        self._database = make_url(database_url)
        self._pool_size = pool_size

    @property
    def url(self) -> str:
        pooled = self._database.set(host=HOST, port=self.port)
        return pooled.render_as_string(hide_password=False)

    def _prepare(self) -> str | None:
        database = self._database
        users = self.data_dir / "userlist.txt"
        users.write_text(f'"{database.username}" "{database.password}"\n')
        replacements = {
            "port=5432 dbname=scoreboard": f"port={database.port} dbname={database.database}",
            "scoreboard = host": f"{database.database} = host",
            "listen_port = 6432": f"listen_port = {self.port}\nunix_socket_dir =",
            "/etc/pgbouncer/userlist.txt": str(users),
            "default_pool_size = 20": f"default_pool_size = {self._pool_size}",
        }
        text = FILE.read_text()
        for documented, ours in replacements.items():
            assert text.count(documented) == 1
            text = text.replace(documented, ours)
        (self.data_dir / "pgbouncer.ini").write_text(text)
        if os.geteuid() != 0:  # PgBouncer refuses to run as root
            return None
        user = unprivileged_user(self.data_dir)
        for path in (self.data_dir, *self.data_dir.iterdir()):
            shutil.chown(path, user, user)
        return user

    def _command(self) -> list[str | Path]:
        return [BINARY, self.data_dir / "pgbouncer.ini"]

    def _ready(self) -> bool:
        try:
            socket.create_connection((HOST, self.port), 1).close()
        except OSError:
            return False
        return True


def configured_limits() -> dict[str, int]:
    """The time limits in the connect_query of deploy/, in ms."""
    found = re.findall(r"SET (\w+) = (\d+)", FILE.read_text())
    return {name: int(value) for name, value in found}
