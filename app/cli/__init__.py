"""Operators' commands, on Flask's own: users, fraud, scores, ledger, tokens."""

from __future__ import annotations

from flask import Flask

from app.cli.fraud import fraud
from app.cli.ledger import ledger
from app.cli.scores import scores
from app.cli.tokens import tokens
from app.cli.users import users

GROUPS = (users, fraud, scores, ledger, tokens)


def register_commands(app: Flask) -> None:
    """Add every group to the app's command line."""
    for group in GROUPS:
        app.cli.add_command(group)
