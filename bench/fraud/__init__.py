"""Simulates players, to measure which bots and which humans each fraud rule accuses."""
