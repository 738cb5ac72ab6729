"""The broadcaster: holds viewers' WebSockets open and sends them the board (flow 5)."""
