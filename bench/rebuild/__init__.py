"""Measures how long a rebuild of the rank index takes after Redis has lost it."""
