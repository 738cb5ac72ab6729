"""Fixtures: the API of the running system, and a check that a test changes nothing."""

from tests.support.api_fixtures import api, changes_nothing, database, player

__all__ = ["api", "changes_nothing", "database", "player"]
