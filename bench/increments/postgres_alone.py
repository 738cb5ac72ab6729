"""PostgreSQL alone: pgbench, which comes with the embedded server, runs the same transaction."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from app.ledger import action_ledger
from bench.full_board import ID_OF_NUMBER
from bench.increments.site import BenchSite
from tools.local.embedded import wheel_binaries

CLIENTS = 8
_TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


def transactions_per_second(site: BenchSite, seconds: int, folder: Path) -> float:
    """The rate of pgbench with CLIENTS connections, prepared statements and fsync on."""
    script = folder / "transaction.sql"
    script.write_text(f"\\set n random(1, {site.players})\n{_transaction()}\n")
    command: list[str | Path] = [wheel_binaries() / "pgbench", "--no-vacuum"]
    command += ["--protocol=prepared", f"--client={CLIENTS}", "--jobs=1", f"--time={seconds}"]
    done = subprocess.run(
        [*command, f"--file={script}", site.copy_url],
        capture_output=True,
        text=True,
        check=False,
    )
    found = _TPS.search(done.stdout)
    if done.returncode != 0 or found is None:
        raise RuntimeError(f"pgbench failed: {done.stderr}")
    return float(found[1])


def _transaction() -> str:
    """The statement that counts one action, with a new token of a random player."""
    values = {
        "user_id": ID_OF_NUMBER.format(":n"),
        "issued_at": "(extract(epoch FROM clock_timestamp()) * 1000)::bigint",
        "nonce": "gen_random_uuid()",
        "lifetime": "3600000",
        "board_id": "0",
    }
    return re.sub(r"%\(([a-z_]+)\)s", lambda found: values[found[1]], action_ledger.COUNT) + ";"
