"""Examples of the operations on boards and service scores; examples.py explains the variables."""

from __future__ import annotations

from app.api.openapi.example import Example

_AT = "2026-11-24T00:17:56.346Z"
_CLOCK = {
    "opensAt": None,
    "freezesAt": None,
    "closesAt": "2036-12-24T00:00:00.000Z",
    "thawedAt": None,
    "finalizedAt": None,
}
_BOARD = {
    "key": "quiz-night",
    "title": "Quiz night",
    "better": "high",
    "combine": "sum",
    "scoredBy": "service",
    "points": {"min": 0, "max": 1000},
    "periods": ["all"],
    "timeZone": "UTC",
    "state": "open",
    **_CLOCK,
    "createdAt": _AT,
}
_ROW = {
    "rank": 1,
    "userId": "9058f3b5-329b-444d-a70e-d16ecd49bddd",
    "username": "ada",
    "displayName": "Ada L.",
    "score": 120,
}
_PERIOD = {"period": "all", "startsAt": None, "endsAt": None}
_STANDINGS = {"board": "quiz-night", **_PERIOD, "leaderboard": [_ROW], "next": None}
_HISTORY = {
    "board": "quiz-night",
    **_PERIOD,
    "version": 1795479476347,
    "since": _AT,
    "until": _AT,
    "series": [{**_ROW, "points": [{"at": _AT, "score": 120}]}],
}
_OWN = {"board": "main", **_PERIOD, "score": 1, "rank": 1, "players": 1}
_ID = "01939e5b-6f4e-7c5a-8c55-8a2e6c0b9d10"
_REVEAL = {
    "board": "quiz-night",
    "state": "open",
    "number": 0,
    "remaining": 0,
    "next": None,
    "moves": [],
}

BOARD_EXAMPLES: dict[tuple[str, str], Example] = {
    ("get", "/api/boards"): Example({"boards": [_BOARD], "next": None}, query={"limit": 20}),
    ("get", "/api/boards/{key}"): Example(_BOARD),
    ("get", "/api/boards/{key}/leaderboard"): Example(
        {**_STANDINGS, "contest": {"state": "open", **_CLOCK, "reveal": None}},
        query={"limit": 10},
    ),
    ("get", "/api/boards/{key}/leaderboard.csv"): Example(None, query={"period": "all"}),
    ("get", "/api/boards/{key}/history"): Example(_HISTORY, query={"limit": 1}),
    ("get", "/api/boards/{key}/leaderboard/around-me"): Example(_STANDINGS, query={"span": 2}),
    ("get", "/api/users/me/standings"): Example({"standings": [_OWN]}),
    ("post", "/api/service/scores"): Example(
        {"results": [{"id": _ID, "status": "counted", "score": 120, "rank": 1}]},
        {
            "scores": [
                {
                    "id": "$NEW_ID",
                    "userId": "$USER",
                    "board": "$BOARD",
                    "points": 120,
                    "label": "question 1",
                }
            ]
        },
    ),
    ("post", "/api/admin/boards"): Example(
        _BOARD,
        {"key": "$NEW_BOARD", "title": "Quiz night", "points": {"min": 0, "max": 1000}},
    ),
    ("patch", "/api/admin/boards/{key}"): Example(
        _BOARD, {"title": "Quiz night 2", "closesAt": "2036-12-24T00:00:00Z"}
    ),
    ("get", "/api/admin/boards/{key}/leaderboard"): Example(
        {"board": "quiz-night", **_PERIOD, "leaderboard": [_ROW]}, query={"limit": 100}
    ),
    ("post", "/api/admin/boards/{key}/unfreeze"): Example(
        {**_BOARD, "freezesAt": _AT, "thawedAt": _AT}, {"reason": "the winner is announced"}
    ),
    ("get", "/api/admin/boards/{key}/reveal"): Example(_REVEAL),
    ("post", "/api/admin/boards/{key}/reveal"): Example(_REVEAL, {"step": "act", "number": 1}),
    ("post", "/api/admin/boards/{key}/reveal/undo"): Example(_REVEAL, {"number": 1}),
    ("post", "/api/admin/boards/{key}/finalize"): Example(
        {**_BOARD, "state": "final", "closesAt": _AT, "finalizedAt": _AT}, {}
    ),
    ("get", "/api/admin/boards/{key}/final-table"): Example(None, query={"format": "csv"}),
    ("post", "/api/admin/boards/{key}/archive"): Example(
        {**_BOARD, "state": "archived"}, {"reason": "the quiz is over"}
    ),
}
