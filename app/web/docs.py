"""The API's documentation at `/docs`: Swagger UI over the OpenAPI document."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template

from app.http.access_control import public
from app.http.replies.compression import compress_public
from app.web.content_security import content_security_policy

docs = Blueprint("docs", __name__, template_folder="templates")


@docs.get("/docs")
@public
@compress_public
def show() -> Response:
    """The page; its content is the document, which the browser reads."""
    response = make_response(render_template("docs.html"))
    response.headers["Content-Security-Policy"] = content_security_policy(())
    response.headers["Cache-Control"] = "no-cache"
    return response
