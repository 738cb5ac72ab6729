"""Boards: what each one ranks, who may score on it, and its periods."""
