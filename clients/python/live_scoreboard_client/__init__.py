"""Watches and scores on a Live Scoreboard, with or without asyncio."""

from .async_scoreboard import AsyncScoreboard
from .async_service import AsyncService
from .errors import (
    ApiError,
    NoReply,
    RequestFailed,
    ScoresUnanswered,
    SessionEnded,
    WatchEnded,
)
from .models import (
    Act,
    Board,
    Contest,
    Event,
    Outcome,
    Period,
    Rank,
    Result,
    Reveal,
    Row,
    Settings,
    State,
    Status,
)
from .scoreboard import Scoreboard, Watch
from .service import Service
from .uuid7 import new_id
from .watch.watch import AsyncWatch

__all__ = [
    "Act",
    "ApiError",
    "AsyncScoreboard",
    "AsyncService",
    "AsyncWatch",
    "Board",
    "Contest",
    "Event",
    "NoReply",
    "Outcome",
    "Period",
    "Rank",
    "RequestFailed",
    "Result",
    "Reveal",
    "Row",
    "Scoreboard",
    "ScoresUnanswered",
    "Service",
    "SessionEnded",
    "Settings",
    "State",
    "Status",
    "Watch",
    "WatchEnded",
    "new_id",
]
__version__ = "0.1.0"
