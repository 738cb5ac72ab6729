"""The players of the measurement: logged in, with access tokens."""

from __future__ import annotations

import time
import uuid
from contextlib import closing
from unittest.mock import patch

import psycopg2
from psycopg2.extras import execute_values

from app.contract.identity import Identity, JwtSigner
from bench.full_board import ID_OF_NUMBER
from bench.increments.site import BenchSite
from config.settings import load_settings

LIFE_SECONDS = 86_400
_OPEN = "INSERT INTO sessions (id, user_id, refresh_token_id, expires_at) VALUES %s"


def log_in(site: BenchSite, number: int) -> dict[str, str]:
    """Open a session for `number` players of the board; returns access tokens by user id."""
    with patch.dict("os.environ", site.environment, clear=True):
        settings = load_settings()
    signer = JwtSigner(settings.jwt_private_key, settings.jwt_issuer, settings.jwt_audience)
    now = int(time.time())
    with closing(psycopg2.connect(site.postgres.url)) as connection, connection.cursor() as cursor:
        numbered = ID_OF_NUMBER.format("n")
        cursor.execute(f"SELECT {numbered}::text FROM generate_series(1, %s) AS n", (number,))
        sessions = {row[0]: str(uuid.uuid4()) for row in cursor.fetchall()}
        opened = [(session, user, session) for user, session in sessions.items()]
        template = "(%s, %s, %s, now() + interval '1 day')"
        execute_values(cursor, _OPEN, opened, template=template, page_size=1000)
        connection.commit()
    end = now + LIFE_SECONDS
    return {
        user: signer.sign(Identity(user, session, str(uuid.uuid4()), end), "access", now)
        for user, session in sessions.items()
    }


def counted(site: BenchSite) -> int:
    """The number of actions in PostgreSQL."""
    with closing(psycopg2.connect(site.postgres.url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM actions")
        (number,) = cursor.fetchall()[0]
        return int(number)
