"""Boards and periods as the API and the commands show them."""

from __future__ import annotations

from typing import Any

from app.boards.board import Board
from app.boards.periods import Period
from app.contest.reveals import RevealState
from app.contract.standings import moment_text


def board_json(board: Board) -> dict[str, Any]:
    """A board with its settings and state."""
    settings = board.settings
    return {
        "key": settings.key,
        "title": settings.title,
        "better": settings.better,
        "combine": settings.combine,
        "scoredBy": settings.scored_by,
        "points": {"min": settings.min_points, "max": settings.max_points},
        "periods": list(settings.periods),
        "timeZone": settings.time_zone,
        "state": board.state,
        **board.clock.as_json(),
        "createdAt": moment_text(board.created_at),
    }


def reveal_json(reveal: RevealState) -> dict[str, Any]:
    """The state of a reveal, with what the call has shown."""
    player = reveal.next
    return {
        "board": reveal.board.settings.key,
        "state": reveal.board.state,
        "number": reveal.number,
        "remaining": reveal.remaining,
        "next": player
        and {
            "userId": player.user_id,
            "username": player.username,
            "displayName": player.display_name,
            "rank": player.rank,
            "score": player.score,
            "remaining": player.remaining,
        },
        "moves": [move.as_json() for move in reveal.moves],
    }


def period_json(period: Period) -> dict[str, Any]:
    """A period with its first moment and the first moment after it."""
    moments = {"startsAt": period.starts_at, "endsAt": period.ends_at}
    return {"period": period.kind} | {
        name: moment_text(moment) if moment else None for name, moment in moments.items()
    }


def download_headers(key: str, period: Period, ending: str) -> dict[str, str]:
    """The header with which browsers save a reply in a file named after board and period."""
    name = f"{key}-{period.kind}" + (f"-{period.starts_on}" if period.starts_on else "")
    return {"Content-Disposition": f'attachment; filename="{name}.{ending}"'}
