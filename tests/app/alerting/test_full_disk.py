"""A PostgreSQL whose tables can't grow, because their disk is full, while its log can."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from app.contract.errors import DatabaseUnavailable
from app.storage.pooled_connections import sql_state
from tests.support.players import Person
from tests.support.servers import DatabaseServer
from tests.support.services import Services
from tests.support.waiting import await_true
from tools.local.embedded import EmbeddedPostgres

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system"),
]
DISK_FULL = "53100"
WRITE_ACTION = (
    "INSERT INTO actions (user_id, issued_at, nonce, points, score_after)"
    " VALUES (%(user_id)s, clock_timestamp(), gen_random_uuid(), 0, 0)"
)
MAX_ROWS = 2_000
"""More than fit in the pages that the tables have already."""
RECOVERY_SECONDS = 10.0
ON_ITS_OWN_DISK = """
mv "$1/base" "$1/base.copied" && mkdir "$1/base"
mount -t tmpfs -o size=100m,mode=700,uid="$2",gid="$2" none "$1/base"
cp -a "$1/base.copied/." "$1/base"
shift 2
exec "$@"
"""
MakeServices = Callable[..., Services]


class PostgresWithSmallDisk(EmbeddedPostgres):
    """Keeps its tables and temporary files on a small disk of its own, and its log on another."""

    @property
    def disk(self) -> Path:
        """The folder of the small disk, which is mounted only for the server."""
        return Path(f"/proc/{self.pid}/root{self._cluster}/base")

    def _prepare(self) -> str | None:
        self._user = super()._prepare()
        # Root starts it, and it becomes that user when the disk is mounted.
        return None

    def _command(self) -> list[str | Path]:
        user = str(self._user)
        become_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        mounted: list[str | Path] = ["unshare", "--mount", "sh", "-ec", ON_ITS_OWN_DISK, "sh"]
        return [*mounted, self._cluster, user, *become_user, *super()._command()]


@pytest.fixture
def small() -> Iterator[PostgresWithSmallDisk]:
    with (
        TemporaryDirectory(prefix="scoreboard-") as folder,
        PostgresWithSmallDisk(Path(folder), disposable=True) as server,
    ):
        yield server


def fill(folder: Path) -> Path:
    """Write a file until the disk is full."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as output:
        try:
            while True:
                output.write(b"x" * 4096)
        except OSError as error:
            assert error.errno == errno.ENOSPC
    return filler


def fill_pages(services: Services, user_id: str) -> None:
    """Write actions into the free space of the tables' pages, until a new page is needed."""
    values = {"user_id": user_id}
    with pytest.raises(DatabaseUnavailable) as refused:
        for _ in range(MAX_ROWS):
            services.database.call(WRITE_ACTION, values)
    assert sql_state(refused.value.__cause__) == DISK_FULL


def refused(person: Person) -> bool:
    try:
        person.score()
    except DatabaseUnavailable as failure:
        return sql_state(failure.__cause__) == DISK_FULL
    return False


def test_a_postgresql_whose_tables_cannot_grow_is_unhealthy_until_they_can(
    small: PostgresWithSmallDisk, make_services: MakeServices
) -> None:
    services = make_services(
        DATABASE_URL=DatabaseServer(small).create(),
        **dict.fromkeys(("TOKEN_LIMIT", "INCREMENT_LIMIT"), "1000 per minute"),
    )
    person = Person.register(services)
    person.score()
    assert services.health.check().healthy
    filler = fill(small.disk)
    fill_pages(services, person.user_id)
    # Some pages of an index may have space left.
    await_true(lambda: refused(person), RECOVERY_SECONDS)
    assert services.health.check().database == "error"
    broadcaster, _command = services.other_processes
    assert broadcaster.health.check().healthy
    filler.unlink()
    # Without a request in the meantime.
    await_true(lambda: services.health.check().healthy, RECOVERY_SECONDS)
    person.score()
