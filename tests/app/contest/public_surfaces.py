"""What the public can read of a board over HTTP, comparable between two boards."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from app.boards.board import PERIODS
from tests.support.api_requests import Api
from tests.support.system.harness import SystemHarness

VOLATILE = {"Content-Length", "Date", "X-Request-Id"} | {
    # Only calls that a limit counts have them, such as the first of a page in each process.
    f"X-RateLimit-{name}"
    for name in ("Limit", "Remaining", "Reset")
}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|\b\d\d:\d\d UTC")
_REQUEST = re.compile(r"\breq_[0-9a-f]+")
_VERSION = re.compile(r"\b1\d{12,15}\b|\b[0-9a-f]{40}\b")
# Quotation marks may be escaped, inside a JSON string.
_PICKER = re.compile(r'<details class=\\?"picker-boards\\?">.*?</details>', re.S)
_CURSOR = re.compile(r'(next\\?": ?\\?")[^"\\]+')


class Normalizer:
    """Replaces what differs between two boards of equal content: keys, moments, versions, cursors.

    A version, or an ETag, becomes the number of those that were seen before it. So two boards are
    equal only if they have had new versions at the same places.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._versions: dict[str, int] = {}

    def __call__(self, text: str) -> str:
        text = _TIME.sub("TIME", text.replace(self._key, "KEY"))
        text = _PICKER.sub("", _CURSOR.sub(r"\1CURSOR", text))
        return _VERSION.sub(lambda found: f"#{self._number(found[0])}", text)

    def _number(self, version: str) -> int:
        return self._versions.setdefault(version, len(self._versions))


def check_same(found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Fail the test with the first difference of the replies."""
    assert not found.keys() ^ expected.keys()
    for path, reply in found.items():
        texts = json.dumps(reply), json.dumps(expected[path])
        differing = (
            at for at, (one, other) in enumerate(zip(*texts, strict=False)) if one != other
        )
        start = max(0, next(differing, 0) - 60)
        assert texts[0] == texts[1], f"{path}: {[text[start:][:160] for text in texts]}"


class PublicBoard:
    """Everything that players and strangers can read of one board over HTTP."""

    def __init__(self, system: SystemHarness, key: str, tokens: dict[str, str]) -> None:
        """`tokens` are access tokens of players by any name."""
        self._api = Api(system.url)
        self._key = key
        self._tokens = tokens
        self._reads = 0
        self._started_at = datetime.now(UTC)

    def normalized(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """What read() returned, to be compared with another board's."""
        # New normalizers, because the number of reads until a change differs. One for each period,
        # because versions of two periods may be the same by chance: both are moments.
        normalizers: defaultdict[str, Normalizer] = defaultdict(lambda: Normalizer(self._key))
        normal = {}
        for name, reply in found.items():
            period = next((kind for kind in PERIODS if re.search(rf"\b{kind}\b", name)), "all")
            normal[name] = json.loads(normalizers[period](json.dumps(reply)))
        return normal

    def read(self) -> dict[str, Any]:
        """Status, headers and body of each call, as they were received."""
        found: dict[str, Any] = {
            _VERSION.sub("VERSION", _TIME.sub("TIME", path.replace(self._key, "KEY"))): self._reply(
                path
            )
            for path in self._paths()
        }
        for name, token in self._tokens.items():
            for period in PERIODS:
                path = f"{self._of_board()}/leaderboard/around-me?period={period}&span=10"
                found[f"{name}: {period}"] = self._reply(path, token)
        for period in PERIODS:
            found[f"pages of {period}"] = [*self._pages(period)]
        listed = self._api.get("/api/boards").json()["boards"]
        found["list"] = [each for each in listed if each["key"] == self._key]
        return found

    def standings_of(self, token: str) -> list[Any]:
        """The player's own standings on this board."""
        reply = self._api.get("/api/users/me/standings", token=token).json()
        found = [each for each in reply["standings"] if each["board"] == self._key]
        return [json.loads(Normalizer(self._key)(json.dumps(each))) for each in found]

    def is_in_metrics(self) -> bool:
        """Whether the API's metrics name the board."""
        return self._key in self._api.get("/metrics").text

    def _of_board(self) -> str:
        return f"/api/boards/{self._key}"

    def _paths(self) -> Iterator[str]:
        yield self._of_board()
        for page in ("?", "?display&", "?overlay&"):
            yield f"/{page}board={self._key}"
        yield f"/embed/{self._key}"
        # Histories are cached for a second by their beginning, so each time with another one.
        self._reads += 1
        since = self._started_at - timedelta(minutes=30, seconds=self._reads)
        for period in PERIODS:
            yield f"/?board={self._key}&period={period}"
            query = f"period={period}"
            yield f"{self._of_board()}/leaderboard?{query}"
            yield f"{self._of_board()}/leaderboard?{query}&limit=100"
            yield f"{self._of_board()}/leaderboard?{query}&minVersion={self._version(period)}"
            yield f"{self._of_board()}/leaderboard.csv?{query}"
            yield f"{self._of_board()}/history?{query}&since={since:%Y-%m-%dT%H:%M:%SZ}"

    def _version(self, period: str) -> int:
        path = f"{self._of_board()}/leaderboard?period={period}"
        return int(self._api.get(path).json()["version"])

    def _pages(self, period: str) -> Iterator[Any]:
        cursor = ""
        while cursor is not None:
            after = f"&after={cursor}" if cursor else ""
            path = f"{self._of_board()}/leaderboard?period={period}&limit=4{after}"
            reply = self._api.get(path)
            yield reply.text
            cursor = reply.json()["next"]

    def _reply(self, path: str, token: str | None = None) -> tuple[int, dict[str, str], str]:
        reply = self._api.get(path, token=token)
        headers = {name: value for name, value in reply.headers.items() if name not in VOLATILE}
        text = _REQUEST.sub("REQUEST", reply.text)
        if "/history" in path:
            # Its beginning and its end, the moment of the call, are also those of each series.
            for name in ("since", "until"):
                text = text.replace(reply.json()[name], name)
        return reply.status_code, headers, text
