"""The page of a board or a period that does not exist: a person may have mistyped its address."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, render_template, request

from app.contract.errors import NotFound
from app.http.errors import error_reply
from app.web.assets import folder_address, page_styles
from app.web.content_security import NONE, SELF, content_security_policy
from app.web.languages import choose_language


def register_missing_page(
    blueprint: Blueprint, frame_ancestors: Callable[[], str] = lambda: NONE
) -> None:
    """Answer NotFound in the views of the blueprint with a page for people.

    `frame_ancestors()` are the sources of pages that may frame it.
    """
    blueprint.register_error_handler(
        NotFound, lambda error: _missing_page(error, frame_ancestors())
    )


def _missing_page(error: NotFound, ancestors: str) -> Response:
    language = choose_language(request.accept_languages)
    response = error_reply(error)
    response.set_data(
        render_template(
            "missing.html",
            # The path of an embedded board has a folder more than that of the page.
            root="../" * (request.path.count("/") - 1),
            assets=folder_address()[1:],
            styles=page_styles("play", has_contest=False),
            language=language,
            text=language.text,
        )
    )
    response.mimetype = "text/html"
    policy = content_security_policy((), ancestors=ancestors, base=SELF)
    response.headers["Content-Security-Policy"] = policy
    response.content_language.add(language.tag)
    response.vary.add("Accept-Language")
    return response
