"""Clients of the Live Scoreboard: packages of their own, which our tools and tests use too."""
