"""A sample contest that started 45 minutes ago."""

from __future__ import annotations

import random
from datetime import timedelta

from sqlalchemy import text

from app.contract.identity import Identity
from tests.support.services import Services, services_in
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD

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
"""Display name and points by username; with ties, long names and several scripts."""
MINUTES = 45


def play_sample_contest(system: SystemHarness) -> None:
    """Register the players and let them score in random order, spread over MINUTES."""
    # The same order in each run. Players with more points are more likely to be next.
    order = [name for name, (_, points) in PLAYERS.items() for _ in range(points)]
    random.Random(7).shuffle(order)
    with services_in(system.environment()) as services:
        identities = {username: register(services, username) for username in PLAYERS}
        for username in order:
            token = services.scoring.issue_token(identities[username]).text
            services.scoring.increment(identities[username], token)
        backdate_actions(services, len(order))


def register(services: Services, username: str) -> Identity:
    login = services.accounts.register(username, PASSWORD, PLAYERS[username][0])
    return services.verifier.verify(login.tokens.access_token, "access")


def backdate_actions(services: Services, actions: int) -> None:
    """Spread the times of the actions evenly over the contest, in their order."""
    gap = timedelta(minutes=MINUTES) / actions
    statement = (
        "UPDATE actions SET created_at = now() - :gap * (SELECT count(*) FROM actions AS later"
        " WHERE later.id > actions.id)"
    )
    with services.database.transaction() as connection:
        connection.execute(text(statement), {"gap": gap})
