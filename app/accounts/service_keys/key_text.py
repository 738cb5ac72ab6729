"""The text of a service key: `sk_<id>_<secret>`, both in lower-case hexadecimal.

Logs redact texts of this form (app/observability/logging.py).
"""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from dataclasses import dataclass, field

SECRET_BYTES = 32
ID = re.compile(r"[0-9a-f]{32}")
_FORM = re.compile(rf"sk_(?P<id>{ID.pattern})_(?P<secret>[0-9a-f]{{{2 * SECRET_BYTES}}})")


@dataclass(frozen=True)
class KeyText:
    """The two parts of a key. Only the id may be shown, logged or stored."""

    id: str
    secret: str = field(repr=False)

    @classmethod
    def new(cls) -> KeyText:
        """A key that no other has, from the random numbers of the system."""
        return cls(uuid.uuid4().hex, secrets.token_hex(SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> KeyText | None:
        """The parts of a text that has exactly this form; else None."""
        found = _FORM.fullmatch(text)
        return cls(found["id"], found["secret"]) if found else None

    def reveal(self) -> str:
        """The whole text, which proves the caller's right."""
        return f"sk_{self.id}_{self.secret}"

    def secret_hash(self) -> bytes:
        """SHA-256 of the secret. A slow hash protects only secrets that can be guessed."""
        return hashlib.sha256(bytes.fromhex(self.secret)).digest()
