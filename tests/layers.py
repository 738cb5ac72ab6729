"""The layers of the code, which test_structure.py checks and docs/architecture.md draws."""

from __future__ import annotations

# From the lowest layer to the highest. A room may import rooms of the layers before its own, and
# its own modules; rooms of one layer don't import each other.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("config",),
    ("app.concurrency", "app.observability", "app.network"),
    ("app.contract",),
    ("app.metrics",),
    ("app.storage",),
    ("app.alerting", "app.audit"),
    ("app.boards",),
    ("app.ledger",),
    ("app.accounts",),
    ("app.leaderboard",),
    ("app.contest",),
    ("app.moderation",),
    ("app.fraud",),
    ("app.scoring",),
    ("app.maintenance",),
    ("app.composition",),
    ("app.http",),
    ("app.api",),
    ("app.web", "app.cli"),
    ("app.factory",),
    ("app.server",),
    ("broadcaster.metrics",),
    ("broadcaster.viewers",),
    ("broadcaster.board",),
    ("broadcaster.handshake",),
    ("broadcaster.process",),
    ("broadcaster.__main__",),
    ("wsgi", "gunicorn.conf", "migrations"),
)
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}


def room_of(name: str) -> str | None:
    """The room of a module; None for the packages `app` and `broadcaster` themselves."""
    if name == "app.create_app":
        return "app.factory"  # the function of the package only calls the factory
    fits = [room for room in LEVEL if name == room or name.startswith(f"{room}.")]
    return max(fits, key=len, default=None)
