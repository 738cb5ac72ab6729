"""A board without controls: `/embed/<board>` for other sites, `/?overlay` for broadcasts."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from flask import Blueprint, Response, make_response, render_template, request

from app.contract.standings import TOP
from app.http.access_control import public
from app.http.replies.compression import compress_public
from app.http.services import services
from app.web.assets import (
    EMBED_STYLES,
    PAGE_SCRIPTS,
    folder_address,
    modules_with_contest,
    page_modules,
)
from app.web.board_picker import period_label
from app.web.content_security import (
    NONE,
    SELF,
    broadcaster_sources,
    content_security_policy,
)
from app.web.error_pages import error_policy, register_error_pages
from app.web.languages import choose_language
from app.web.shown.first_board import read_first_board
from app.web.shown.first_contest import read_first_contest
from app.web.shown.ranking import shown_ranking
from config.origins import ANY_ORIGIN

REFRESH_SECONDS = 10
"""How often a page without JavaScript loads itself again."""
THEMES = ("light", "dark")
_SCRIPT = "embed"
_SCRIPT_TEXTS = ("board", "clock", "connection", "errors", "rank", "reveal")
"""The parts of the texts that the script uses."""


def _frame_ancestors() -> str:
    origins = services().settings.embed_origins
    return ANY_ORIGIN if ANY_ORIGIN in origins else " ".join(origins) or NONE


embed = Blueprint("embed", __name__, template_folder="templates")
register_error_pages(embed)


@embed.after_request
def _let_sites_frame_errors(response: Response) -> Response:
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        policy = error_policy(ancestors=_frame_ancestors())
        response.headers["Content-Security-Policy"] = policy
    return response


@embed.get("/embed/<key>")
@public
@compress_public
def show(key: str) -> Response:
    """The board, which pages of EMBED_ORIGINS may frame.

    `period`, `rows` (1 to 10) and `theme` (light or dark) are parameters. READ_LIMIT limits it as
    it limits the live page.
    """
    response = _board_alone(key, "embed", "")
    # The address has a folder more than those that the page and its scripts name.
    policy = content_security_policy(_broadcaster(), ancestors=_frame_ancestors(), base=SELF)
    response.headers["Content-Security-Policy"] = policy
    return response


def overlay() -> Response:
    """The board of the parameter `board`, in large type on a transparent background."""
    response = _board_alone(request.args.get("board", ""), "overlay", "dark")
    response.headers["Content-Security-Policy"] = content_security_policy(_broadcaster())
    return response


def _board_alone(key: str, mode: Literal["embed", "overlay"], default_theme: str) -> Response:
    query = {"board": key, "period": request.args.get("period", "")}
    shown = shown_ranking(services(), query)
    board = read_first_board(services(), shown)
    max_rows = _max_rows()
    language = choose_language(request.accept_languages)
    contest = read_first_contest(services(), shown, language)
    asked = request.args.get("theme", "")
    theme = asked if asked in THEMES else default_theme
    response = make_response(
        render_template(
            "embed.html",
            mode=mode,
            theme=theme,
            max_rows=max_rows,
            assets=folder_address()[1:],
            styles=EMBED_STYLES[theme],
            script=PAGE_SCRIPTS[_SCRIPT],
            modules=modules_with_contest(_SCRIPT, "contest-line")
            if contest
            else page_modules(_SCRIPT),
            language=language,
            text=language.text,
            texts={name: language.texts[name] for name in _SCRIPT_TEXTS},
            shown=shown,
            period=period_label(shown.period, language),
            contest=contest,
            board=board.data() if board else None,
            rows=board.rows(language)[:max_rows] if board else [],
            refresh_seconds=REFRESH_SECONDS,
            websocket_url=services().settings.websocket_url,
            broadcaster_port=services().settings.broadcaster_port,
        )
    )
    response.headers["Cache-Control"] = "no-cache"
    response.content_language.add(language.tag)
    response.vary.add("Accept-Language")
    response.add_etag()
    response.make_conditional(request)
    return response


def _broadcaster() -> tuple[str, ...]:
    return broadcaster_sources(services().settings, request.host)


def _max_rows() -> int:
    return min(max(request.args.get("rows", TOP, type=int), 1), TOP)
