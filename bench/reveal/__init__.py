"""Measures how long a step of a reveal takes to many viewers."""
