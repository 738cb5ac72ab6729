"""A final table as JSON and as CSV, the same for the API and the commands."""

from __future__ import annotations

import json
from typing import Any, Literal, get_args

from app.api.boards.board_json import period_json
from app.api.boards.standings_csv import CSV_COLUMNS, csv_line
from app.contest.final_tables import FinalTable, TableSigner
from app.contract.standings import moment_text

TableFormat = Literal["json", "csv"]
TABLE_FORMATS: tuple[TableFormat, ...] = get_args(TableFormat)


def signed_table(signer: TableSigner, table: FinalTable, table_format: TableFormat) -> str:
    """The table as a JWS, whose payload is JSON or CSV."""
    described = _description(table)
    if table_format == "csv":
        content_type, content = "text/csv", _csv(table)
    else:
        content_type, content = "application/json", _json(table, described)
    return signer.sign(content.encode(), content_type, table.board.read_at, described)


def _description(table: FinalTable) -> dict[str, Any]:
    """Which table it is, without its rows."""
    finalized_at = table.board.clock.finalized_at
    return {
        "board": table.board.settings.key,
        **period_json(table.period),
        "finalizedAt": finalized_at and moment_text(finalized_at),
    }


def _csv(table: FinalTable) -> str:
    heading = ",".join((*CSV_COLUMNS, "revealStep")) + "\r\n"
    return heading + "".join(csv_line(row.standing, row.reveal_step) for row in table.rows)


def _json(table: FinalTable, described: dict[str, Any]) -> str:
    content = {
        **described,
        "title": table.board.settings.title,
        "leaderboard": [
            {**row.standing.as_json(), "revealStep": row.reveal_step} for row in table.rows
        ],
    }
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"
