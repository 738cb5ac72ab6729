"""The structure of the code: which rooms there are, and which may import which."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from app.factory import create_app
from app.http.access_control import AUTH_MODE
from tests.schedule import LONG_FILES
from tests.support.servers import ROOT
from tests.support.services import Services

MAX_FILE_LINES = 250
MAX_FOLDER_FILES = 14
CODE = ("app", "bench", "broadcaster", "clients", "config", "migrations", "tests", "tools")
PRODUCTION = ("app", "broadcaster", "config", "migrations")
OURS = {"app", "bench", "broadcaster", "clients", "config", "migrations", "tests", "tools"}

# From the lowest layer to the highest. A room may import rooms of the layers before its own, and
# its own modules; rooms of one layer don't import each other.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("config",),
    ("app.concurrency", "app.observability", "app.network"),
    ("app.contract",),
    ("app.metrics",),
    ("app.storage",),
    ("app.alerting", "app.audit"),
    ("app.boards",),
    ("app.ledger",),
    ("app.accounts",),
    ("app.leaderboard",),
    ("app.contest",),
    ("app.moderation",),
    ("app.fraud",),
    ("app.scoring",),
    ("app.maintenance",),
    ("app.composition",),
    ("app.http",),
    ("app.api",),
    ("app.web", "app.cli"),
    ("app.factory",),
    ("app.server",),
    ("broadcaster.metrics",),
    ("broadcaster.viewers",),
    ("broadcaster.board",),
    ("broadcaster.handshake",),
    ("broadcaster.process",),
    ("broadcaster.__main__",),
    ("wsgi", "gunicorn.conf", "migrations"),
)
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}


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
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def our_imports(path: Path) -> set[str]:
    """The imports of a file that lead to our own code."""
    return {name for name in imports(path) if name.split(".")[0] in OURS | {"wsgi"}}


def room_of(name: str) -> str | None:
    """The room of a module; None for the packages `app` and `broadcaster` themselves."""
    if name == "app.create_app":
        return "app.factory"  # the function of the package only calls the factory
    fits = [room for room in LEVEL if name == room or name.startswith(f"{room}.")]
    return max(fits, key=len, default=None)


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


def test_no_file_is_longer_than_the_limit() -> None:
    long = {
        name: lines
        for name, path in modules(*CODE)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_FILE_LINES
    }
    assert long == {}


def test_no_folder_holds_more_files_than_the_limit() -> None:
    folders = {path.parent for _, path in modules(*CODE)}
    crowded = {
        str(folder.relative_to(ROOT)): files
        for folder in folders
        if (files := sum(1 for path in folder.iterdir() if path.is_file())) > MAX_FOLDER_FILES
    }
    assert crowded == {}
