"""Watches a board: the transports, and the choice between them."""
