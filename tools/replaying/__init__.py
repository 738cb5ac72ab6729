"""Playing an event file through the HTTP API, and comparing the board with what it should hold."""
