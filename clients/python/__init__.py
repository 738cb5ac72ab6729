"""The project of the Python package; only the folder live_scoreboard_client is in the package."""
