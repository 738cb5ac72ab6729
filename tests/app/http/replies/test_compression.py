"""Compression of replies: of what is public, and of nothing that may hold a secret."""

from __future__ import annotations

import pytest

from app.web.assets import FOLDER
from tests.support.api_requests import Api
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD, Player

PUBLIC = ("/", "/?display", "/docs", "/openapi.json", "/api/openapi.json", "/assets/main.js")
READS = (
    "/api/leaderboard",
    "/leaderboard",
    "/api/leaderboard/history",
    "/api/leaderboard/search?username=p",
)
ACCEPTED = {"Accept-Encoding": "gzip, deflate, br, zstd"}


@pytest.fixture(scope="module")
def some_players(running_system: SystemHarness) -> None:
    """Enough rows that a board is worth compressing."""
    for _ in range(4):
        running_system.register().score_point()


@pytest.mark.parametrize("encoding", ["gzip", "br"])
@pytest.mark.parametrize("path", PUBLIC)
def test_pages_files_and_documents_are_compressed(api: Api, path: str, encoding: str) -> None:
    plain = api.get(path, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    reply = api.get(path, headers={"Accept-Encoding": encoding})
    assert reply.headers["Content-Encoding"] == encoding
    assert int(reply.headers["Content-Length"]) < len(plain.content) * 0.6
    assert len(reply.content) == len(plain.content)
    for one in (reply, plain):
        assert "Accept-Encoding" in one.headers["Vary"]


@pytest.mark.usefixtures("some_players")
@pytest.mark.parametrize("path", READS)
def test_public_reads_are_compressed(api: Api, path: str) -> None:
    reply = api.get(path, headers=ACCEPTED)
    assert reply.headers["Content-Encoding"] == "br"
    assert reply.json()["version"] >= 0


@pytest.mark.usefixtures("some_players")
def test_replies_that_may_hold_a_secret_are_not_compressed(api: Api, player: Player) -> None:
    body = {"username": player.username, "password": PASSWORD}
    login = api.post("/api/auth/login", body, headers=ACCEPTED)
    assert login.json()["accessToken"]
    bearer = ACCEPTED | {"Authorization": f"Bearer {player.access_token}"}
    refresh = {"refreshToken": login.json()["refreshToken"]}
    player.score_point()
    replies = [
        login,
        api.post("/api/auth/refresh", refresh, headers=ACCEPTED),
        api.post("/api/actions/token", {}, headers=bearer),
        api.get("/api/users/me", headers=bearer),
        api.get("/api/leaderboard/around-me?span=49", headers=bearer),
        api.post("/api/displays/pairing", {}, headers=ACCEPTED),
    ]
    for reply in replies:
        assert reply.ok
        assert "Content-Encoding" not in reply.headers


def test_a_font_is_not_compressed_again(api: Api) -> None:
    (font,) = (FOLDER / "vendor/archivo").glob("archivo-latin-wdth*.woff2")
    reply = api.get(f"/assets/vendor/archivo/{font.name}", headers=ACCEPTED)
    assert "Content-Encoding" not in reply.headers
    assert reply.content == font.read_bytes()


@pytest.mark.parametrize("refused", ["gzip;q=0", "br;q=0, gzip;q=0", "identity, *;q=0", "", "zstd"])
def test_a_client_that_accepts_no_known_encoding_gets_plain_text(api: Api, refused: str) -> None:
    reply = api.get("/assets/main.js", headers={"Accept-Encoding": refused})
    assert "Content-Encoding" not in reply.headers
    compressed = api.get("/assets/main.js", headers=ACCEPTED)
    assert "Content-Encoding" in compressed.headers
    assert reply.content == compressed.content


def test_a_compressed_file_is_sent_again_only_if_it_changed(api: Api) -> None:
    first = api.get("/assets/main.js", headers=ACCEPTED)
    tag = first.headers["ETag"]
    assert api.get("/assets/main.js", headers={"Accept-Encoding": "gzip"}).headers["ETag"] != tag
    again = api.get("/assets/main.js", headers=ACCEPTED | {"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
