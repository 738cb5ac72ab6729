"""HTTP: `/ws`, where a handshake becomes a viewer, and beside it `/health` and `/metrics`."""

from __future__ import annotations

from flask import Flask, Response, g, jsonify, request
from flask_sock import Sock
from simple_websocket import Server as Handshake
from structlog.contextvars import bind_contextvars
from werkzeug.middleware.proxy_fix import ProxyFix

from app.composition import Services
from app.contract.messages import SUBPROTOCOL
from app.metrics_access import check_metrics_access
from app.request_metrics import count_requests, exposition
from broadcaster.coalescer import Coalescer
from broadcaster.entrance import Entrance
from broadcaster.handshake import Gate
from broadcaster.hub import Hub
from broadcaster.refusals import register_refusals
from broadcaster.takeover import NoThread, take_over

WEBSOCKET_PATH = "/ws"
FIRST_BOARD_SECONDS = 1.5


def create_app(services: Services, hub: Hub, coalescer: Coalescer) -> Flask:
    """The Flask app that does the handshakes; each accepted socket joins the hub."""
    app = Flask(__name__, static_folder=None)
    app.config["SOCK_SERVER_OPTIONS"] = {"subprotocols": [SUBPROTOCOL], "thread_class": NoThread}
    register_refusals(app, services.alerts)
    count_requests(app)
    gate, entrance = Gate(services), Entrance(hub)

    @app.before_request
    def admit() -> None:
        if request.path != WEBSOCKET_PATH:
            return
        entrance.enter()
        g.entered = True
        g.identity = gate.admit(request)
        bind_contextvars(user=g.identity.user_id)
        coalescer.wait_for_first(FIRST_BOARD_SECONDS)
        # Last, because nothing waits from here until the viewer has joined.
        entrance.check_room()
        # simple-websocket would agree to permessage-deflate, at some 90 kB a viewer.
        request.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)

    @app.teardown_request
    def leave(_error: BaseException | None) -> None:
        if g.pop("entered", False):
            entrance.leave()

    @app.get("/health")
    def health() -> tuple[Response, int]:
        report = services.health.check()
        return jsonify(report.as_json()), 200 if report.healthy else 503

    @app.get("/health/live")
    def live() -> Response:
        return jsonify(status="alive", uptime=services.health.uptime_seconds)

    @app.after_request
    def tell_upgrades(response: Response) -> Response:
        # Flask's response to a handshake is never sent; logged and counted is what was.
        if "upgraded" in g:
            response.status_code = 101
        return response

    @app.get("/metrics")
    def metrics() -> Response:
        check_metrics_access(request, services.settings.metrics_token)
        return exposition()

    @Sock(app).route(WEBSOCKET_PATH)
    def join(handshake: Handshake) -> None:
        g.upgraded = True
        sock, early = take_over(handshake)
        hub.join(sock, g.identity, request.remote_addr or "unknown", early)

    hops = services.settings.trusted_proxy_hops
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    return app
