"""Pages for people in place of JSON: a board that does not exist, or that can't be shown now."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, render_template, request

from app.contract.errors import DomainError, NotFound, RateLimited
from app.http.errors import error_reply
from app.web.assets import folder_address, page_styles
from app.web.content_security import NONE, SELF, content_security_policy
from app.web.languages import choose_language
from app.web.shown.modes import OVERLAY

RETRY_SECONDS = 10
"""After which a page without a board loads itself again, if the error names no other time."""


def register_error_pages(blueprint: Blueprint) -> None:
    """Answer the views' errors that a person may see with a page, which no site may frame.

    A page of a board that can't be shown now loads itself again, because a projector may have no
    keyboard. An overlay shows nothing, because viewers of the broadcast would see the error.
    """
    blueprint.register_error_handler(DomainError, _error_page)


def error_policy(*, ancestors: str = NONE) -> str:
    """The policy of these pages; `ancestors` are the sources of pages that may frame them."""
    return content_security_policy((), ancestors=ancestors, base=SELF)


def _error_page(error: DomainError) -> Response:
    response = error_reply(error)
    if not (isinstance(error, NotFound) or _is_temporary(response)):
        return response
    language = choose_language(request.accept_languages)
    retry_seconds = None
    if _is_temporary(response):
        retry_seconds = int(response.headers.get("Retry-After", RETRY_SECONDS))
    response.set_data(
        render_template(
            "error.html",
            # The path of an embedded board has a folder more than that of the page.
            root="../" * (request.path.count("/") - 1),
            assets=folder_address()[1:],
            styles=page_styles("play", has_contest=False),
            language=language,
            text=language.text,
            retry_seconds=retry_seconds,
            is_limited=isinstance(error, RateLimited),
            is_transparent=retry_seconds is not None and OVERLAY in request.args,
        )
    )
    response.mimetype = "text/html"
    response.headers["Content-Security-Policy"] = error_policy()
    response.content_language.add(language.tag)
    response.vary.add("Accept-Language")
    return response


def _is_temporary(response: Response) -> bool:
    return response.status_code >= HTTPStatus.TOO_MANY_REQUESTS
