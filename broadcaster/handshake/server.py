"""The HTTP side of a broadcaster: `/ws`, `/stream`, `/health` and `/metrics`."""

from __future__ import annotations

from flask import Flask, Response, g, jsonify, request
from flask_sock import Sock
from simple_websocket import Server as Handshake
from structlog.contextvars import bind_contextvars

from app.composition.broadcaster import BroadcasterServices
from app.contract.commands import SUBPROTOCOL
from app.contract.errors import ValidationFailed
from app.contract.handshake_errors import ApiNotReached, TooManyStreams
from app.contract.standings import MAIN
from app.http.access_control import check_metrics_access
from app.http.replies.cors import register_cors
from app.metrics.request_metrics import exposition, request_metrics
from app.network.client_address import client_address
from app.network.trusted_proxies import trust_proxies
from broadcaster.board.watched_boards import WatchedBoards
from broadcaster.handshake.authentication import HandshakeAuthentication
from broadcaster.handshake.deflate_offer import accepted_offer
from broadcaster.handshake.errors import register_error_replies
from broadcaster.handshake.event_stream import EventStream
from broadcaster.handshake.socket_handover import API_UNAVAILABLE, NoThread, detach_socket
from broadcaster.handshake.throttle import HandshakeThrottle
from broadcaster.viewers.hub import Hub

WEBSOCKET_PATH = "/ws"
_EXTENSIONS = "HTTP_SEC_WEBSOCKET_EXTENSIONS"
STREAM_PATH = "/stream"
HEALTH_PATH, LIVE_PATH, METRICS_PATH = "/health", "/health/live", "/metrics"
OWN_PATHS = frozenset({WEBSOCKET_PATH, STREAM_PATH, HEALTH_PATH, LIVE_PATH, METRICS_PATH})
"""The API answers `/api/health` and `/api/metrics` itself."""


def create_app(services: BroadcasterServices, hub: Hub, boards: WatchedBoards) -> Flask:
    """The Flask app of a broadcaster; the socket of each accepted handshake joins the hub."""
    app = Flask(__name__, static_folder=None)
    app.config["SOCK_SERVER_OPTIONS"] = {"subprotocols": [SUBPROTOCOL], "thread_class": NoThread}
    register_error_replies(app, services.alerts)
    register_cors(app, services.settings.allowed_origins)
    request_metrics.init_app(app)
    app.before_request(_refuse_if_api_is_unavailable)
    _register_viewers(app, services, hub, boards)
    _register_operations(app, services)
    trust_proxies(app, services.settings)
    return app


def _refuse_if_api_is_unavailable() -> None:
    reason = request.environ.get(API_UNAVAILABLE)
    if reason:
        bind_contextvars(api=reason)
        raise ApiNotReached


def _register_viewers(
    app: Flask, services: BroadcasterServices, hub: Hub, boards: WatchedBoards
) -> None:
    authentication, throttle = HandshakeAuthentication(services), HandshakeThrottle(hub)

    @app.before_request
    def check_handshake() -> None:
        if request.path != WEBSOCKET_PATH:
            return
        # The check without I/O comes first, so that a handshake without a valid token uses nothing
        # of the budget that viewers share.
        g.identity = authentication.identify(request)
        bind_contextvars(user=g.identity.user_id)
        start_joining()
        authentication.verify(g.identity)
        await_board()
        # simple-websocket replies with what it is offered. Its compressors of some 90 kB for each
        # viewer are never used, because the socket is taken away.
        offered = request.environ.pop(_EXTENSIONS, "")
        accepted = accepted_offer(offered)
        g.deflated = accepted is not None
        if accepted is not None:
            request.environ[_EXTENSIONS] = accepted

    def start_joining() -> None:
        throttle.acquire(client_address())
        g.throttled = True

    def await_board() -> None:
        asked = request.args
        watched = services.known_boards.board_period(
            asked.get("board", MAIN.board), asked.get("period")
        )
        g.audience = boards.join(watched)
        # Last, because nothing waits from here until the viewer has joined.
        throttle.check_capacity()

    @app.get(STREAM_PATH)
    def stream() -> Response:
        if request.content_length or "Transfer-Encoding" in request.headers:
            raise ValidationFailed("A stream is asked for without a body")
        start_joining()
        await_board()
        if not hub.accepts_stream(client_address()):
            raise TooManyStreams
        return EventStream(hub, g.audience)

    @app.teardown_request
    def release_throttle(_error: BaseException | None) -> None:
        if g.pop("throttled", False):
            throttle.release()
        audience = g.pop("audience", None)
        # An audience without viewers is false.
        if audience is not None:
            boards.release(audience)

    @Sock(app).route(WEBSOCKET_PATH)
    def join(handshake: Handshake) -> None:
        g.upgraded = True
        sock, early = detach_socket(handshake)
        hub.join(sock, g.identity, client_address(), early, g.audience, deflated=g.deflated)

    @app.after_request
    def set_upgrade_status(response: Response) -> Response:
        # Flask's response to a handshake is never sent. The log and the metrics need the status
        # that simple-websocket has sent.
        if "upgraded" in g:
            response.status_code = 101
        return response


def _register_operations(app: Flask, services: BroadcasterServices) -> None:
    @app.get(HEALTH_PATH)
    def health() -> tuple[Response, int]:
        report = services.health.check()
        return jsonify(report.as_json()), 200 if report.healthy else 503

    @app.get(LIVE_PATH)
    def live() -> Response:
        return jsonify(status="alive", uptime=services.health.uptime_seconds)

    @app.get(METRICS_PATH)
    def metrics() -> Response:
        check_metrics_access(request, services.settings)
        return exposition()
