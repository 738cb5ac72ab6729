"""The event of the demo: made-up players in several scripts, with changes of the lead."""

from __future__ import annotations

import csv
import random
from pathlib import Path

PLAYERS = {
    "Mira Sol": (9, 2),
    "Ольга Речная": (8, 4),
    "Νίκος Θαλασσινός": (7, 3),
    "Team Überschall": (6, 6),
    "李小星": (5, 8),
    "さくら": (4, 9),
    "نور الفجر": (3, 9),
    "Zoë & the Semicolons": (3, 5),
    "רות כוכב": (2, 6),
    "आशा किरण": (2, 4),
    "김하늘": (1, 7),
    "Łucja": (1, 3),
}
"""How often each player scores, relative to the others: at the start and at the end."""
EVENT_SECONDS = 30
LEAD_SECONDS = 5
"""After the first point, so that a viewer can open the page before the others."""
POINTS = 120
_SEED = 4


def event_rows() -> list[tuple[float, str, int]]:
    """Seconds, player and points of each action; the same in each run."""
    chance = random.Random(_SEED)  # noqa: S311 - not a secret
    names = list(PLAYERS)
    rows = [(0.0, names[0], 1)]
    for number in range(1, POINTS):
        progress = number / (POINTS - 1)
        weights = [start + (end - start) * progress for start, end in PLAYERS.values()]
        at = LEAD_SECONDS + progress * EVENT_SECONDS
        rows.append((round(at, 2), chance.choices(names, weights)[0], 1))
    return rows


def write_event(path: Path) -> None:
    """Write the event as a file for tools/replay.py."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("at_seconds", "player", "points"))
        writer.writerows(event_rows())
