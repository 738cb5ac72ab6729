"""The pinned gunicorn has every internal name that we rely on, in the shape that we expect."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest
from gunicorn.app.base import BaseApplication
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.http.parser import RequestParser

from app.server.arbiter import Server
from app.server.connections.buffer import BufferedParser, BufferedUnreader
from app.server.gunicorn_internals import (
    INTERNALS,
    STOP_KEEPALIVE_LINGER,
    Arbiter,
    Internal,
    LimitRequestHeaders,
    Parser,
    Request,
    Response,
    TConn,
    ThreadWorker,
    Unreader,
    WorkerTmp,
)
from app.server.worker import Worker
from tests.support.servers import ROOT

CLIENT, SERVER = ("127.0.0.1", 40000), ("127.0.0.1", 80)


class Application(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """An application with gunicorn's default settings."""

    def load_config(self) -> None:
        pass

    def load(self) -> Any:
        return lambda _environ, _start_response: []


class Socket:
    """Replaces the socket of a client."""

    def setblocking(self, _flag: bool) -> None:
        pass


def instance(owner: type) -> Any:
    """An instance as gunicorn makes it."""
    settings = Config()
    if owner is ThreadWorker:
        worker = ThreadWorker(1, 1, [], Application(), 30, settings, Logger(settings))
        worker.load_wsgi()
        return worker
    if owner is TConn:
        return TConn(settings, Socket(), CLIENT, SERVER)
    if owner is Arbiter:
        return Arbiter(Application())
    if owner is Parser:
        return Parser(settings, iter([b""]), CLIENT)
    if owner is WorkerTmp:
        return WorkerTmp(settings)
    return owner()


def named(internal: Internal) -> str:
    return f"{internal.owner.__name__}.{internal.name}"


@pytest.mark.parametrize("internal", INTERNALS, ids=named)
def test_gunicorn_has_each_name_in_the_expected_shape(internal: Internal) -> None:
    if internal.shape.startswith("("):
        assert str(inspect.signature(getattr(internal.owner, internal.name))) == internal.shape
        return
    value = getattr(instance(internal.owner), internal.name)
    if internal.owner is TConn and internal.name == "sock":
        assert isinstance(value, Socket)
    elif internal.shape != "object":
        assert type(value).__name__ == internal.shape


def test_gunicorn_keeps_idle_connections_for_two_seconds_at_shutdown() -> None:
    assert STOP_KEEPALIVE_LINGER == 2.0


def test_a_head_that_is_too_long_is_a_client_error() -> None:
    logged: list[str] = []
    settings = Config()
    logger = Logger(settings)
    logger.warning = logged.append
    worker = ThreadWorker(1, 1, [], None, 30, settings, logger)
    worker.handle_error(None, Socket(), CLIENT, LimitRequestHeaders("over 1 byte"))
    assert logged == ["Invalid request from ip=127.0.0.1: over 1 byte"]


def test_start_response_belongs_to_the_response() -> None:
    settings = Config()
    request = next(RequestParser(settings, iter([b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"]), CLIENT))
    response = Response(request, Socket(), settings)
    start_response = response.start_response
    start_response("200 OK", [("Content-Length", "0")])
    assert start_response.__self__ is response
    assert not response.should_close()
    response.force_close()
    assert response.should_close()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Worker, ThreadWorker),
        (Server, Arbiter),
        (BufferedParser, Parser),
        (BufferedUnreader, Unreader),
        (BufferedParser.mesg_class, Request),
    ],
)
def test_every_name_of_gunicorn_that_a_class_of_ours_replaces_is_listed(
    ours: type, theirs: type
) -> None:
    replaced = {name for name in vars(ours) if hasattr(theirs, name)}
    listed = {internal.name for internal in INTERNALS if internal.owner in theirs.__mro__}
    unlisted = replaced - listed
    assert {name for name in unlisted if not name.startswith("__")} == set()


def test_one_module_imports_internals_and_one_the_documented_logger() -> None:
    imported: dict[str, set[str]] = {}
    for path in (ROOT / "app" / "server").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            of_gunicorn = {name for name in names if name.split(".")[0] == "gunicorn"}
            if of_gunicorn:
                imported.setdefault(path.name, set()).update(of_gunicorn)
    assert set(imported) == {"gunicorn_internals.py", "gunicorn_version.py", "logger.py"}
    assert imported["logger.py"] == {"gunicorn.glogging"}
    assert imported["gunicorn_version.py"] == {"gunicorn"}


OBJECTS = {
    "arbiter": Arbiter,
    "server": Arbiter,
    "worker": ThreadWorker,
    "self._worker": ThreadWorker,
    "conn": TConn,
    "conn.parser": Parser,
    "conn.parser.unreader": Unreader,
}
"""The expressions by which our code reaches objects of gunicorn, and their classes."""
SELF = {"arbiter.py": Arbiter, "worker.py": ThreadWorker}
"""The class of gunicorn that the class of a file extends."""


def used_names(path: Path) -> set[tuple[type, str]]:
    """(class, name) of the attributes of gunicorn's objects that a file uses."""
    classes = OBJECTS | ({"self": SELF[path.name]} if path.name in SELF else {})
    used = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value).replace("super()", "self")
            if owner.split(".")[-1] == "cfg":
                used.add((Config, node.attr))
            elif owner in classes:
                used.add((classes[owner], node.attr))
    return used


def test_every_attribute_of_an_object_of_gunicorn_that_our_code_uses_is_listed() -> None:
    documented = {(Config, name) for name in Config().settings}
    listed = {(internal.owner, internal.name) for internal in INTERNALS}
    objects = {owner: instance(owner) for owner in {*OBJECTS.values(), Config}}
    files = [ROOT / "gunicorn.conf.py", *(ROOT / "app" / "server").rglob("*.py")]
    unlisted = {
        f"{path.name}: {owner.__name__}.{name}"
        for path in files
        for owner, name in used_names(path) - listed - documented
        if hasattr(objects[owner], name) and not name.startswith("__")
    }
    assert unlisted == set()
