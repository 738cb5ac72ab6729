"""The help of the operators' commands."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import click
import pytest

from app.cli import GROUPS
from tests.app.cli.conftest import Run, runner
from tests.support.services import Services


@pytest.fixture(scope="module")
def run(shared_services: Services) -> Run:
    return runner(shared_services)


def commands(group: click.Group, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """The words of each command below the group, and the command."""
    for name, command in group.commands.items():
        words = (*names, name)
        if isinstance(command, click.Group):
            yield from commands(command, *words)
        else:
            yield words, command


COMMANDS = [found for group in GROUPS for found in commands(group, group.name or "")]


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[" ".join(w) for w, _ in COMMANDS])
def test_the_help_shows_an_example_that_the_command_understands(
    run: Run, words: tuple[str, ...], command: click.Command
) -> None:
    shown = [line.strip() for line in run(*words, "--help").output.splitlines()]
    (line,) = [line for line in shown if line.startswith("Example: flask ")]
    typed = shlex.split(line.removeprefix("Example: flask "))
    assert tuple(typed[: len(words)]) == words
    # Raises UsageError if the example lacks an argument or has one that does not parse.
    command.make_context(words[-1], typed[len(words) :])


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[" ".join(w) for w, _ in COMMANDS])
def test_the_help_shows_the_default_of_every_option(
    run: Run, words: tuple[str, ...], command: click.Command
) -> None:
    shown = " ".join(run(*words, "--help").output.split())
    for option in command.params:
        if isinstance(option, click.Option) and isinstance(option.default, str | int):
            assert option.is_flag or f"[default: {option.default}" in shown


def test_the_help_of_flask_lists_our_commands_and_no_development_server(run: Run) -> None:
    listed = run("--help").output.partition("Commands:")[2].split()
    assert {group.name for group in GROUPS} <= set(listed)
    assert not {"run", "shell", "routes"} & set(listed)
