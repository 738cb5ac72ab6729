"""Connections to PostgreSQL and Redis, the tables, and Lua scripts."""
