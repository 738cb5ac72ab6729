"""The page's static files. Their addresses contain a fingerprint, so that browsers keep them."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, current_app, request

from app.http.access_control import public
from app.http.replies.compression import compress_file
from app.web.scripts import imported_modules, without_comments

FOLDER = Path(__file__).parent / "static"
CLIENT_FOLDER = Path(__file__).parents[2] / "clients" / "js" / "src"
CLIENT = "client"
"""The folder of the page's files that has those of CLIENT_FOLDER."""
ENDPOINT = "static"
PAGE_SCRIPTS = {
    "play": "play.js",
    "display": "display.js",
    "embed": "embed.js",
    "contest": "contest/contest.js",
    "contest-line": "contest/contest-line.js",
}
"""By the mode of the page. The last two are added on pages of boards that may have a clock."""
_BOARD_STYLES = (
    "styles/board/table.css",
    "styles/board/empty.css",
    "styles/board/narrow.css",
    "styles/board/shares.css",
)
_CONTEST_STYLES = (
    "styles/contest/clock.css",
    "styles/contest/stage.css",
    "styles/contest/podium.css",
    "styles/contest/layout.css",
    "styles/contest/display.css",
    "styles/contest/podium-display.css",
)
_DISPLAY_STYLES = (
    "styles/display.css",
    "styles/display-code.css",
    "styles/join.css",
    "styles/contest/display.css",
    "styles/contest/podium-display.css",
)
_PAGE_STYLES = (
    "vendor/uplot/uPlot.min.css",
    "styles/type.css",
    "styles/colours.css",
    "styles/page/layout.css",
    "styles/page/connection.css",
    "styles/page/narrow.css",
    "styles/page/picker.css",
    *_BOARD_STYLES,
    "styles/page/standings.css",
    "styles/page/side.css",
    "styles/page/controls.css",
    "styles/page/player.css",
    "styles/display.css",
    "styles/display-code.css",
    "styles/join.css",
    *_CONTEST_STYLES,
    "styles/media.css",
)
EMBED_STYLES = {
    "": "styles/embed-joined.css",
    "light": "styles/embed-joined-light.css",
    "dark": "styles/embed-joined-dark.css",
}
"""By theme, made of JOINED_EMBED_STYLES; empty: as the browser prefers."""
JOINED_EMBED_STYLES = (
    "styles/type.css",
    "styles/colours.css",
    *_BOARD_STYLES,
    "styles/contest/clock.css",
    "styles/embed.css",
)
_IF_DARK = b"@media (prefers-color-scheme: dark)"
MAX_AGE_SECONDS = 365 * 24 * 3600


def register_assets(blueprint: Blueprint) -> None:
    """Serve the files under /assets; `url_for` of the blueprint's `static` adds the fingerprint.

    One fingerprint covers all files, so the relative imports of scripts and styles stay valid.
    """
    blueprint.add_url_rule("/assets/build-<build>/<path:filename>", ENDPOINT, _send)
    blueprint.add_url_rule("/assets/<path:filename>", ENDPOINT, _send)
    blueprint.url_defaults(_add_fingerprint)


@cache
def fingerprint() -> str:
    """Changes with the name or the content of any file."""
    digest = hashlib.sha256()
    for name, content in _files().items():
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def folder_address() -> str:
    """The path of the files of this build, with a slash at the end.

    For a page with many files: `url_for` would take a third of the time in which the page is made.
    """
    return f"/assets/build-{fingerprint()}/"


@cache
def page_modules(mode: str) -> tuple[str, ...]:
    """The modules that the script of a mode imports."""
    return imported_modules(PAGE_SCRIPTS[mode], _files())


def page_styles(mode: str, *, has_contest: bool) -> str:
    """The stylesheet of the page, made of joined_styles(): the first paint waits for one reply."""
    return f"styles/joined-{mode}{'-contest' if has_contest else ''}.css"


def joined_styles(mode: str, *, has_contest: bool) -> tuple[str, ...]:
    """The stylesheets that the page of a mode needs, "play" or "display", in their order."""
    unused: tuple[str, ...] = () if mode == "display" else _DISPLAY_STYLES
    unused += () if has_contest else _CONTEST_STYLES
    return tuple(name for name in _PAGE_STYLES if name not in unused)


def modules_with_contest(mode: str, contest: str) -> tuple[str, ...]:
    """The same for a page of a board that may have a clock; `contest` names the script for it."""
    modules = (*page_modules(mode), PAGE_SCRIPTS[contest], *page_modules(contest))
    return tuple(dict.fromkeys(modules))


@public
@compress_file
def _send(filename: str, build: str = "") -> Response:
    content = _files().get(filename)
    if content is None:
        abort(404)
    kind = mimetypes.guess_type(filename)[0] or "application/octet-stream"
    response = current_app.response_class(content, mimetype=kind)
    response.add_etag()
    if build == fingerprint():
        response.cache_control.public = True
        response.cache_control.max_age = MAX_AGE_SECONDS
        response.cache_control.immutable = True
    else:
        # During an update a page of another version asks for this file. It must not be kept.
        response.cache_control.no_cache = True
    response.make_conditional(request)
    return response


def _add_fingerprint(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint.endswith(f".{ENDPOINT}"):
        values.setdefault("build", fingerprint())


@cache
def _files() -> Mapping[str, bytes]:
    """The files by their path, as they were at the first call: they match the fingerprint."""
    files = _read(FOLDER, "*")
    client = _read(CLIENT_FOLDER, "*.js")
    files |= {f"{CLIENT}/{name}": content for name, content in client.items()}
    files |= {name: without_comments(files[name]) for name in files if _has_comments(name)}
    for mode, has_contest in product(("play", "display"), (False, True)):
        joined = joined_styles(mode, has_contest=has_contest)
        content = b"\n".join(files[name] for name in joined)
        files[page_styles(mode, has_contest=has_contest)] = content
    embed = b"\n".join(files[name] for name in JOINED_EMBED_STYLES)
    files[EMBED_STYLES[""]] = embed
    files[EMBED_STYLES["light"]] = embed.replace(_IF_DARK, b"@media not all")
    files[EMBED_STYLES["dark"]] = embed.replace(_IF_DARK, b"@media all")
    return files


def _has_comments(name: str) -> bool:
    return name.endswith((".js", ".css")) and not name.startswith("vendor/")


def _read(folder: Path, pattern: str) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob(pattern) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
