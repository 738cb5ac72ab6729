"""Plays an event file through the HTTP API (tools/replay.py)."""
