"""Shows the board live in a terminal (tools/watch.py)."""
