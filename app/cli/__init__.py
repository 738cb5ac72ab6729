"""Operators' commands for the `flask` command, such as `flask users ban`."""

from __future__ import annotations

from flask import Flask
from flask.cli import routes_command, run_command, shell_command

from app.cli.boards import boards
from app.cli.db import db
from app.cli.fraud import fraud
from app.cli.keys import keys
from app.cli.ledger import ledger
from app.cli.operators import SETTINGS
from app.cli.scores import scores
from app.cli.tokens import tokens
from app.cli.users import users
from config.settings import Settings

GROUPS = (users, fraud, scores, boards, ledger, tokens, keys, db)


def register_commands(app: Flask, settings: Settings) -> None:
    """Add every group of commands to the app's command line."""
    app.extensions[SETTINGS] = settings
    for group in GROUPS:
        group.context_settings["show_default"] = True
        app.cli.add_command(group)
    # `flask --help` lists only operators' commands. Flask's own still work, but its server is for
    # development: `make run` and the Procfile start the real one.
    for command in (run_command, shell_command, routes_command):
        command.hidden = True
