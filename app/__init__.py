"""The scoreboard's API: HTTP in front, services behind, PostgreSQL and Redis below."""
