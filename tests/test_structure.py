"""The structure of the code: which rooms there are, and which may import which."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from app.factory import create_app
from app.http.access_control import AUTH_MODE
from tests.layers import LEVEL, room_of
from tests.schedule import LONG_FILES
from tests.support.servers import ROOT
from tests.support.services import Services

MAX_FILE_LINES = 250
MAX_FOLDER_FILES = 14
SOURCE_SUFFIXES = {".css", ".html", ".js", ".lua", ".mako", ".mjs", ".py", ".sh", ".sql", ".ts"}
LARGE_FOLDERS = {
    ".",  # tools look for their files there
    "migrations/versions",  # a file for each change of the tables, and none is ever taken away
    "docs/decisions",  # a file for each decision, in the order of their numbers
}
"""Folders that may hold more files than the limit, and the reason."""
CODE = ("app", "bench", "broadcaster", "clients", "config", "migrations", "tests", "tools")
PRODUCTION = ("app", "broadcaster", "config", "migrations")
SOURCES = (*CODE, ".ci", ".github", "deploy", "docs")
NOT_OURS = {"__pycache__", "node_modules", "vendor"}


def modules(*parts: str) -> Iterator[tuple[str, Path]]:
    """(dotted name, path) of each Python module below these folders."""
    for part in parts:
        for path in sorted((ROOT / part).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield name.removesuffix(".__init__"), path


def production() -> Iterator[tuple[str, Path]]:
    """Every module that runs in production."""
    yield from modules(*PRODUCTION)
    yield "wsgi", ROOT / "wsgi.py"
    yield "gunicorn.conf", ROOT / "gunicorn.conf.py"


@cache
def imports(path: Path) -> set[str]:
    """The modules and names that a file imports, inside functions too."""
    package = path.relative_to(ROOT).parent.parts
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) + 1 - node.level] if node.level else ()
            module = ".".join([*parents, *filter(None, [node.module])])
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def our_imports(path: Path) -> set[str]:
    """The imports of a file that lead to our own code."""
    return {name for name in imports(path) if name.split(".")[0] in {*CODE} | {"wsgi"}}


def test_imports_point_downwards() -> None:
    upward = []
    for name, path in production():
        room = room_of(name)
        if room is None:
            assert name in {"app", "broadcaster"}, f"{name} is in no room of LAYERS"
            # create_app() of the package imports the factory when it is called.
            factory = {"app.factory.create_app_from_environment"} if name == "app" else set()
            assert our_imports(path) == factory
            continue
        for imported in our_imports(path):
            target = room_of(imported)
            assert target is not None, f"{name} imports {imported}, which is in no room"
            if target != room and LEVEL[target] >= LEVEL[room]:
                upward.append(f"{name} imports {imported}")
    assert upward == []


def test_no_two_rooms_import_each_other() -> None:
    """Also catches cycles that LAYERS would allow if it were loosened."""
    arrows = {
        (room, target)
        for name, path in production()
        if (room := room_of(name))
        for imported in our_imports(path)
        if (target := room_of(imported)) and target != room
    }
    assert [pair for pair in arrows if pair[::-1] in arrows] == []


def test_production_code_does_not_import_bench_clients_tests_or_tools() -> None:
    wrong = [
        f"{name} imports {imported}"
        for name, path in production()
        for imported in our_imports(path)
        if imported.split(".")[0] in {"bench", "clients", "tests", "tools"}
    ]
    assert wrong == []


def test_the_python_client_imports_only_its_own_modules() -> None:
    package = "clients.python.live_scoreboard_client"
    wrong = [
        f"{name} imports {imported}"
        for name, path in modules("clients/python/live_scoreboard_client")
        for imported in our_imports(path)
        if not imported.startswith(f"{package}.")
    ]
    assert wrong == []


def test_a_relative_import_is_seen_as_the_module_that_it_leads_to() -> None:
    found = imports(ROOT / "clients" / "python" / "live_scoreboard_client" / "watch" / "watch.py")
    package = "clients.python.live_scoreboard_client"
    assert f"{package}.watch.levels" in {name.rpartition(".")[0] for name in found}
    assert f"{package}.errors" in {name.rpartition(".")[0] for name in found}


def test_harnesses_benchmarks_and_tools_import_no_other_code_of_tests() -> None:
    wrong = [
        f"{name} imports {imported}"
        for name, path in modules("bench", "tests/support", "tools")
        for imported in our_imports(path)
        if imported.startswith("tests.") and not imported.startswith("tests.support")
    ]
    assert wrong == []


def test_the_test_files_that_run_first_exist() -> None:
    assert [name for name in LONG_FILES if not (ROOT / "tests" / name).is_file()] == []


def test_only_the_server_room_imports_gunicorn() -> None:
    importers = {
        name
        for name, path in production()
        if any(imported.split(".")[0] == "gunicorn" for imported in imports(path))
    }
    assert {name for name in importers if room_of(name) != "app.server"} == set()


def test_every_route_declares_its_access_mode(services: Services) -> None:
    app = create_app(services)
    silent = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if not hasattr(app.view_functions[rule.endpoint], AUTH_MODE)
    }
    assert silent == set()


def test_only_the_settings_read_the_environment() -> None:
    reading = re.compile(r"\bos\.environ\b|\bgetenv\b|\bimport environ\b|\benvirons\b")
    readers = {
        name for name, path in production() if reading.search(path.read_text(encoding="utf-8"))
    }
    assert readers == {"config.settings"}


def test_redis_keys_and_channels_are_written_in_one_module() -> None:
    names = re.compile(
        r"leaderboard:top10|score_update|cache:invalidate|sessions:ended|server:shutdown"
    )
    code = {
        name
        for name, path in modules("app", "broadcaster")
        if any(names.search(text) for text in string_literals(path))
    }
    assert code == {"app.contract.keys"}


def string_literals(path: Path) -> Iterator[str]:
    """String literals of a file that aren't docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(statement.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        for statement in node.body
        if isinstance(statement, ast.Expr)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in docstrings:
            continue
        if isinstance(node.value, str):
            yield node.value


def test_stores_never_commit() -> None:
    commits = re.compile(r"\.commit\(|\.begin\(|\.rollback\(")
    owners = {n for n, p in modules("app") if commits.search(p.read_text(encoding="utf-8"))}
    assert owners <= {"app.storage.database"}


SCRIPTS = sorted((ROOT / "app").rglob("*.lua"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_script_states_its_guarantees(path: Path) -> None:
    comment = path.read_text().split("\nlocal ")[0].split("\nif ")[0].split("\nredis")[0]
    assert comment.startswith("-- ")
    for word in ("Guarantees", "KEYS", "ARGV"):
        assert word in comment


def source_files() -> Iterator[Path]:
    """Every file of ours: code, styles, templates, scripts, documents and configuration."""
    yield from (path for path in ROOT.iterdir() if path.is_file())
    for folder in SOURCES:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and NOT_OURS.isdisjoint(path.relative_to(ROOT).parts):
                yield path


def test_no_file_is_longer_than_the_limit() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in source_files()
        if path.suffix in SOURCE_SUFFIXES
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_FILE_LINES
    }
    assert long == {}


def test_no_folder_holds_more_files_than_the_limit() -> None:
    files = Counter(path.parent.relative_to(ROOT).as_posix() for path in source_files())
    crowded = {folder: number for folder, number in files.items() if number > MAX_FOLDER_FILES}
    assert {*crowded} <= LARGE_FOLDERS
