"""The HTTP replies of the broadcaster: errors of the handshake, and the headers of each reply."""

from __future__ import annotations

from flask import Flask, Response
from simple_websocket import ConnectionError as HandshakeFailed
from wsproto.utilities import ProtocolError

from app.alerting.alerts import Alerts
from app.contract.handshake_errors import HandshakeInvalid
from app.http.errors import ErrorPolicy, error_reply, register_error_handlers
from app.http.host import require_host
from app.http.reply_headers import register_security_headers
from app.http.request_log import log_requests

RETRY_SECONDS = (1, 5)
"""Least and greatest Retry-After, so that refused viewers do not return at the same time."""


def register_error_replies(app: Flask, alerts: Alerts) -> None:
    """Give each request an id, each reply its headers, and answer errors by the table."""
    log_requests(app)
    require_host(app)
    app.after_request(_close_connection)
    register_security_headers(app)
    headers = {
        401: {"WWW-Authenticate": "Bearer"},
        426: {"Upgrade": "websocket", "Sec-WebSocket-Version": "13"},
    }
    policy = ErrorPolicy(alerts, headers=headers, retry_seconds=RETRY_SECONDS)
    register_error_handlers(app, policy)
    for error in (HandshakeFailed, ProtocolError):
        app.register_error_handler(error, _invalid_handshake_reply)
    app.register_error_handler(ConnectionError, _lost_client_reply)


def _close_connection(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    # An open connection occupies a greenlet. Also, pywsgi and a proxy may disagree about the length
    # of a body. On a closed connection no second request can be smuggled in behind it.
    response.headers["Connection"] = "close"
    return response


def _invalid_handshake_reply(_error: Exception) -> Response:
    return error_reply(HandshakeInvalid())


def _lost_client_reply(error: Exception) -> Response:
    """For the log and the metrics: the client has closed the connection and reads no reply."""
    refusal = HandshakeInvalid()
    refusal.__cause__ = error
    return error_reply(refusal)
