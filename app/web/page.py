"""The live page at `/`."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template, request

from app.http.access_control import public
from app.http.replies.compression import compress_public
from app.http.services import services
from app.web.assets import (
    PAGE_SCRIPTS,
    folder_address,
    modules_with_contest,
    page_modules,
    page_styles,
    register_assets,
)
from app.web.board_picker import board_picker, period_label
from app.web.content_security import broadcaster_sources, content_security_policy
from app.web.embed import REFRESH_SECONDS, overlay
from app.web.error_pages import register_error_pages
from app.web.join_code import join_code
from app.web.languages import choose_language
from app.web.shown.first_board import read_first_board
from app.web.shown.first_contest import read_first_contest
from app.web.shown.modes import DISPLAY, OVERLAY
from app.web.shown.ranking import shown_ranking
from config.origins import page_origin

page = Blueprint("page", __name__, template_folder="templates")
register_assets(page)
register_error_pages(page)


@page.get("/")
@public
@compress_public
def show() -> Response:
    """The page with a board of this moment; its scripts read the next ones.

    `board`, `period` and `at`, a date, choose the ranking; by default `main` of all time.

    READ_LIMIT limits only pages of past periods and of boards that this process has not found yet.
    Other pages cost their rendering, and the board comes from its caches.
    """
    if OVERLAY in request.args:
        return overlay()
    settings = services().settings
    is_display = DISPLAY in request.args
    mode = "display" if is_display else "play"
    origin = page_origin(settings.allowed_origins) or request.host_url.rstrip("/")
    language = choose_language(request.accept_languages)
    shown = shown_ranking(services(), request.args)
    board = read_first_board(services(), shown)
    contest = read_first_contest(services(), shown, language)
    response = make_response(
        render_template(
            "page.html",
            assets=folder_address()[1:],
            styles=page_styles(mode, has_contest=contest is not None),
            script=PAGE_SCRIPTS[mode],
            modules=modules_with_contest(mode, "contest") if contest else page_modules(mode),
            language=language,
            text=language.text,
            shown=shown,
            picker=board_picker(services(), shown, language) if mode == "play" else None,
            period=period_label(shown.period, language),
            board=board.data() if board else None,
            rows=board.rows(language) if board else [],
            contest=contest,
            changed=board.changed_at(language) if board else "",
            refresh_seconds=REFRESH_SECONDS,
            websocket_url=settings.websocket_url,
            broadcaster_port=settings.broadcaster_port,
            rapid_max=settings.fraud_rapid_max,
            rapid_seconds=settings.fraud_rapid_seconds,
            mode=mode,
            join=join_code(origin, shown.board.settings.key) if is_display else None,
        )
    )
    response.headers["Content-Security-Policy"] = content_security_policy(
        broadcaster_sources(settings, request.host)
    )
    response.headers["Cache-Control"] = "no-cache"
    response.content_language.add(language.tag)
    response.vary.add("Accept-Language")
    # A page that loads itself again gets a short reply while the board has not changed.
    response.add_etag()
    response.make_conditional(request)
    return response
