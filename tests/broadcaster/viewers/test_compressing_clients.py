"""Clients of other authors negotiate compression, read boards and send commands."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import aiohttp
import pytest

from tests.support.broadcaster.boards import Boards
from tests.support.broadcaster.harness import BroadcasterHarness
from tests.support.servers import ROOT
from tests.support.waiting import run_coroutine

pytestmark = pytest.mark.slow

# Compresses each message, also a short one, and prints what the server sends.
NODE = """
import WebSocket from "ws";
const socket = new WebSocket(process.argv[1], ["bearer", process.argv[2]], {
    perMessageDeflate: {threshold: 0},
});
socket.on("message", message => console.log(message.toString()));
socket.on("upgrade", reply => {
    console.log(JSON.stringify({extensions: reply.headers["sec-websocket-extensions"]}));
});
socket.on("open", () => {
    socket.send(JSON.stringify({type: "watch", board: process.argv[3], padding: "x".repeat(500)}));
    socket.send(JSON.stringify({type: "ping"}));
});
"""
NEGOTIATED = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"


def test_the_library_ws_of_node(broadcaster: BroadcasterHarness) -> None:
    boards = Boards(broadcaster)
    board, person = boards.create(), broadcaster.register_player()
    boards.score(person, board, 9)
    token = broadcaster.access_token(person)
    command = ["node", "--input-type=module", "-e", NODE, broadcaster.websocket_url, token, board]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdout is not None
        lines = (json.loads(line) for line in node.stdout)
        assert next(lines) == {"extensions": NEGOTIATED}
        seen: list[dict[str, Any]] = []
        while len(seen) < 4:
            seen.append(next(lines))
        node.kill()
    assert {"event": "pong"} in seen
    (shown,) = [each for each in seen if each.get("data", {}).get("board") == board]
    assert shown["data"]["leaderboard"][0]["score"] == 9


def test_the_library_aiohttp(broadcaster: BroadcasterHarness) -> None:
    boards = Boards(broadcaster)
    board, person = boards.create(), broadcaster.register_player()
    boards.score(person, board, 9)
    headers = {"Authorization": f"Bearer {broadcaster.access_token(person)}"}

    async def watch() -> list[dict[str, Any]]:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(broadcaster.websocket_url, headers=headers, compress=15) as viewer,
        ):
            assert viewer.compress
            seen = [await viewer.receive_json(timeout=10) for _ in range(2)]
            await viewer.send_json({"type": "watch", "board": board, "padding": "x" * 500})
            seen.append(await viewer.receive_json(timeout=10))
            boards.score(person, board, 9)
            seen.append(await viewer.receive_json(timeout=10))
            return seen

    *_, first, second = run_coroutine(watch())
    scores = [each["data"]["leaderboard"][0]["score"] for each in (first, second)]
    assert scores == [9, 18]
