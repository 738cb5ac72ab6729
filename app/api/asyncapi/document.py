"""The AsyncAPI 3 document of the broadcaster, at the address that this server gives to viewers."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from flask import request

from app.api.asyncapi.json_schema import schema_of
from app.api.asyncapi.samples import COMMANDS, EVENTS
from app.contract import commands, events
from app.contract.viewers import close_codes
from app.contract.viewers.close_codes import CloseKind
from app.http.services import services
from app.network.addresses import authority

STREAMED = tuple(
    event.name
    for event in (
        events.LeaderboardUpdate,
        events.Reveal,
        events.ContestUpdate,
        events.ServerShutdownEvent,
        events.Disconnect,
    )
)
"""The events of an event stream."""
_HTTP_SCHEMES = {"ws": "http", "wss": "https"}
GUIDE = files(__package__).joinpath("guide.md").read_text(encoding="utf-8").strip()
"""How to watch, in Markdown."""


def asyncapi_document() -> dict[str, Any]:
    """The document for the host of this request."""
    websocket = urlsplit(_websocket_url())
    sent, received = _sent(), _received()
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Live Scoreboard", "version": "1", "description": GUIDE},
        "defaultContentType": "application/json",
        "servers": {
            "broadcaster": {"host": websocket.netloc, "protocol": websocket.scheme},
            "streams": {"host": websocket.netloc, "protocol": _HTTP_SCHEMES[websocket.scheme]},
        },
        "channels": {
            "viewer": {
                "address": websocket.path,
                "servers": [{"$ref": "#/servers/broadcaster"}],
                "description": "One WebSocket connection of a viewer.",
                "messages": {
                    name: {"$ref": f"#/components/messages/{name}"} for name in (*sent, *received)
                },
                "x-closeCodes": _close_codes(),
            },
            "stream": {
                "address": f"{websocket.path.rpartition('/')[0]}/stream",
                "servers": [{"$ref": "#/servers/streams"}],
                "description": "Server-Sent Events without a token: in the field `event` the event"
                "'s name, in `data` its data, and in `id` the version.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in STREAMED},
            },
        },
        "operations": {
            "watch": _operation("send", sent, "The broadcaster sends events."),
            "stream": {
                "action": "send",
                "summary": "The broadcaster sends the public events.",
                "channel": {"$ref": "#/channels/stream"},
                "messages": [{"$ref": f"#/channels/stream/messages/{name}"} for name in STREAMED],
            },
            "command": _operation("receive", received, "A viewer may send commands."),
        },
        "components": {
            "messages": sent | received,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "An access token or a display token",
                }
            },
        },
    }


def _websocket_url() -> str:
    """WEBSOCKET_URL, or as the page finds it: by the host of this request."""
    settings = services().settings
    configured = settings.websocket_url
    if configured and not configured.startswith("/"):
        return configured
    parts = urlsplit(request.host_url)
    scheme = "wss" if parts.scheme == "https" else "ws"
    if configured:
        return f"{scheme}://{parts.netloc}{configured}"
    return f"{scheme}://{authority(parts.hostname or '', settings.broadcaster_port)}/ws"


def _sent() -> dict[str, Any]:
    kinds: list[type[events.ViewerEvent | events.Pong]] = [
        *events.ViewerEvent.__subclasses__(),
        events.Pong,
    ]
    messages = {}
    for kind in kinds:
        samples = [json.loads(each.dump()) for each in EVENTS if isinstance(each, kind)]
        messages[kind.name] = _message(kind.name, kind, samples, "event")
    return messages


def _received() -> dict[str, Any]:
    messages = {}
    for name, samples in COMMANDS.items():
        kind = type(commands.parse_command(json.dumps(samples[0])))
        messages[name] = _message(name, kind, [dict(each) for each in samples], "type")
    return messages


def _message(
    name: str, kind: type, samples: list[dict[str, Any]], discriminator: str
) -> dict[str, Any]:
    schema = schema_of(samples)
    schema["properties"][discriminator] = {"const": name}
    return {
        "name": name,
        "summary": (kind.__doc__ or "").strip().splitlines()[0],
        "payload": schema,
        "examples": [{"payload": sample} for sample in samples],
    }


def _operation(action: str, messages: dict[str, Any], summary: str) -> dict[str, Any]:
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": "#/channels/viewer"},
        "security": [{"$ref": "#/components/securitySchemes/token"}],
        "messages": [{"$ref": f"#/channels/viewer/messages/{name}"} for name in messages],
    }


def _close_codes() -> list[dict[str, Any]]:
    catalogue = [kind for kind in vars(close_codes).values() if isinstance(kind, CloseKind)]
    catalogue.append(close_codes.shutting_down(services().settings.reconnect_spread_ms))
    return [
        {
            "code": kind.code,
            "reason": kind.reason,
            "reconnectAfterMs": list(kind.reconnect_range_ms) if kind.reconnect_range_ms else None,
        }
        for kind in sorted(catalogue, key=lambda kind: (kind.code, kind.reason))
    ]
