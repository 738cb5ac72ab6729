"""Guards of the house: who may know whom, and what stands in one place only."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.composition import Services
from app.factory import create_app
from app.http.authentication import AUTH_MODE
from tests.servers import ROOT

LONGEST_FILE = 300
PRODUCTION = ("app", "broadcaster", "config", "migrations")

# For each part, what of the house it may import; the first that fits a module decides.
ALLOWED = {
    "app.contract": {"app.contract"},
    "app.metrics": set(),
    "app.callers": set(),
    "app.metrics_access": {"app.callers", "app.contract"},
    "app.safe_headers": set(),
    "app.request_metrics": set(),
    "app.request_log": set(),
    "app.gathering": set(),
    "app.sync_flask": set(),
    "app.stores": {"app.contract", "app.gathering", "app.stores", "config.redis_url"},
    "app.fraud.rules": {"app.contract"},
    "app.fraud": {
        "app.contract", "app.fraud", "app.metrics", "app.services", "app.stores", "config",
    },
    "app.services": {"app.contract", "app.fraud", "app.metrics", "app.services", "app.stores"},
    "app.composition": {
        "app.contract", "app.fraud", "app.gathering", "app.services", "app.stores", "config",
    },
    "app.background": {"app.composition", "app.contract", "app.stores.subscription"},
    "app.http.cors": {"config"},
    "app.http.metrics": {
        "app.http.authentication", "app.http.services", "app.metrics_access",
        "app.request_metrics", "config.shared_metrics",
    },
    "app.http": {
        "app.callers", "app.composition", "app.contract", "app.http", "app.metrics",
        "app.request_log", "app.safe_headers", "app.services",
    },
    "app.web": {
        "app.composition", "app.http.authentication", "app.http.examples", "app.http.openapi",
        "app.http.services", "app.web", "config",
    },
    "app.cli": {
        "app.cli", "app.composition", "app.contract", "app.services",
        "app.stores.display_tokens", "app.stores.fraud_events", "app.stores.partitions",
        "app.stores.user_records", "app.stores.users", "config",
    },
    "app.factory": {
        "app.composition", "app.http", "app.web", "app.cli", "app.contract",
        "app.request_log", "app.request_metrics", "app.safe_headers", "app.sync_flask",
    },
    "broadcaster": {
        "app.composition", "app.contract", "app.metrics", "app.metrics_access", "app.request_log",
        "app.request_metrics", "app.safe_headers", "app.services", "app.stores.subscription",
        "broadcaster", "config",
    },
    "app.farewell": {"app.contract", "app.stores.redis", "config"},
    "config.arbiter": {"app.farewell", "config"},
    "config.lanes": {"app.gathering", "config"},
    "config.worker": {"app.background", "config"},
    "config": {"config"},
    "wsgi": {"app", "config"},
    "migrations": {"app.stores.tables", "config"},
}  # fmt: skip


def modules(*parts: str) -> Iterator[tuple[str, Path]]:
    for part in parts:
        for path in sorted((ROOT / part).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield name.removesuffix(".__init__"), path


def production() -> Iterator[tuple[str, Path]]:
    """All that runs in production."""
    yield from modules(*PRODUCTION)
    yield "wsgi", ROOT / "wsgi.py"


def imports(path: Path) -> set[str]:
    """The house's own modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in {"app", "broadcaster", "config"}}


def within(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}.")


def test_imports_go_one_way() -> None:
    wrong = []
    for name, path in production():
        fits = [part for part in ALLOWED if within(name, part)]
        if not fits:
            assert name == "app", f"{name} has no place in the house"
            continue
        for imported in imports(path):
            if not any(within(imported, part) for part in ALLOWED[fits[0]]):
                wrong.append(f"{name} imports {imported}")
    assert wrong == []


def test_every_route_declares_who_may_call_it(services: Services) -> None:
    app = create_app(services)
    silent = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if not hasattr(app.view_functions[rule.endpoint], AUTH_MODE)
    }
    # Flask's own view of the page's files.
    assert silent == {"/assets/<path:filename>"}


def test_only_the_settings_read_the_environment() -> None:
    reading = re.compile(r"\bos\.environ\b|\bgetenv\b|\bimport environ\b|\benvirons\b")
    readers = {
        name for name, path in production() if reading.search(path.read_text(encoding="utf-8"))
    }
    assert readers == {"config.settings"}


def test_keys_and_channels_are_written_out_in_one_place() -> None:
    names = re.compile(
        r"leaderboard:top10|score_update|cache:invalidate|sessions:ended|server:shutdown"
    )
    code = {
        name
        for name, path in modules("app", "broadcaster")
        if any(names.search(text) for text in strings(path))
    }
    assert code == {"app.contract.keys"}


def strings(path: Path) -> Iterator[str]:
    """String literals of a file that aren't docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {
        id(statement.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        for statement in node.body
        if isinstance(statement, ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def test_stores_never_commit() -> None:
    commits = re.compile(r"\.commit\(|\.begin\(|\.rollback\(")
    owners = {n for n, p in modules("app") if commits.search(p.read_text(encoding="utf-8"))}
    assert owners <= {"app.stores.database"}


SCRIPTS = sorted((ROOT / "app/stores/lua").glob("*.lua"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_script_says_what_it_guarantees(path: Path) -> None:
    comment = path.read_text().split("\nlocal ")[0].split("\nif ")[0].split("\nredis")[0]
    assert comment.startswith("-- ")
    for word in ("Guarantees", "KEYS", "ARGV"):
        assert word in comment


def test_no_file_grows_beyond_one_idea() -> None:
    long = {
        name: lines
        for name, path in modules("app", "broadcaster", "config", "tools", "tests")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    }
    assert long == {}
