"""A contest that has been going on for three quarters of an hour."""

from __future__ import annotations

import random
from datetime import timedelta
from unittest.mock import patch

from sqlalchemy import text

from app.composition import Services, build_services
from app.contract.identity import Identity
from config.settings import load_settings
from tests.system.player import PASSWORD
from tests.system.running import RunningSystem

PLAYERS = {
    "ada": ("Ada Lovelace", 24),
    "ladyzhenskaya": ("Ольга Ладыженская", 22),
    "grace": ("Grace “Amazing Grace” Hopper", 22),
    "nullpointers": ("Ðuro & the Null Pointers", 19),
    "hypatia": ("Ὑπατία", 16),
    "wolfe": ("Wolfeschlegelsteinhausenbergerdorff, Hubert Blaine the Elder", 16),
    "khwarizmi": ("محمد بن موسى الخوارزمي", 16),
    "kim_7": ("kim_7", 11),
    "ueberflieger": ("Team Überflieger", 7),
    "lukasz": ("Łukasz", 6),
    "zoe": ("Zoë", 4),
    "o-neill": ("O'Neill", 3),
}
"""By username: the name on the board and the points; with ties, long names and several scripts."""
MINUTES = 45


def hold_contest(system: RunningSystem) -> None:
    """Register the players and let them score, one among the other, spread over the time."""
    with patch.dict("os.environ", system.environment()):
        services = build_services(load_settings())
    identities = {username: register(services, username) for username in PLAYERS}
    # The same at each run; who has more to come is likelier to be next.
    order = [name for name, (_, points) in PLAYERS.items() for _ in range(points)]
    random.Random(7).shuffle(order)
    for username in order:
        token = services.scoring.issue_token(identities[username]).text
        services.scoring.increment(identities[username], token)
    spread(services, len(order))
    services.close()


def register(services: Services, username: str) -> Identity:
    admitted = services.accounts.register(username, PASSWORD, PLAYERS[username][0])
    return services.verifier.verify(admitted.tokens.access_token, "access")


def spread(services: Services, actions: int) -> None:
    """Date the actions back, evenly over the contest, in the order in which they were made."""
    gap = timedelta(minutes=MINUTES) / actions
    statement = (
        "UPDATE actions SET created_at = now() - :gap * (SELECT count(*) FROM actions AS later"
        " WHERE later.id > actions.id)"
    )
    with services.database.transaction() as connection:
        connection.execute(text(statement), {"gap": gap})
