"""Reads of the leaderboard, its caches, the rank index and publication (flows 5 and 7)."""
