"""Alerts to operators and the health of PostgreSQL and Redis (flows 8 and 9)."""
