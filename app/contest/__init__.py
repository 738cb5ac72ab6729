"""Freezes of boards: the acts that they hide, and how these are shown."""
