"""The page behind a proxy that serves it under a path prefix."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.page_actions import console_errors_of, expect, log_in, score_a_point
from tests.deploy.edge import CADDY
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness, await_health, free_ports
from tools.local.processes import end, spawn

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CADDY, reason="Debian's caddy is not installed"),
]
# As in docs/deploy.md.
CADDYFILE = """
{
	admin off
}
http://127.0.0.1:%(port)d {
	handle_path /board/* {
		@viewers path /ws /stream
		reverse_proxy @viewers 127.0.0.1:%(broadcaster)d
		reverse_proxy 127.0.0.1:%(web)d
	}
	respond 404
}
"""


@contextmanager
def proxy(port: int, system: SystemHarness, folder: Path) -> Iterator[str]:
    """A proxy that serves the system under /board/; yields the address without a slash."""
    ports = {"port": port, "web": system.ports[0], "broadcaster": system.broadcaster_port}
    caddyfile = folder / "Caddyfile"
    caddyfile.write_text(CADDYFILE % ports)
    with (folder / "proxy.log").open("wb") as output:
        process = spawn(
            [CADDY, "run", "--config", str(caddyfile), "--adapter", "caddyfile"],
            output=output,
            environment={"PATH": os.environ["PATH"], "HOME": str(folder)},
        )
    try:
        await_health(f"http://127.0.0.1:{port}/board")
        yield f"http://127.0.0.1:{port}/board"
    finally:
        end(process, (signal.SIGTERM, 10))


def test_page_websocket_and_documentation_work_under_a_path_prefix(
    open_page: OpenPage, postgres: DatabaseServer, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    variables = {
        "WEBSOCKET_URL": f"ws://127.0.0.1:{port}/board/ws",
        "TRUSTED_PROXY_HOPS": "1",
        "ALLOWED_ORIGINS": "https://other.example",
    }
    with redis_server(tmp_path) as server:
        stores = Stores(postgres.create(), server.url)
        with (
            SystemHarness(stores, tmp_path, variables=variables) as system,
            proxy(port, system, tmp_path) as site,
        ):
            page = open_page(system)
            # The page without the proxy may not read the stream behind it, whose origin is another.
            page.goto("about:blank")
            errors = console_errors_of(page)
            page.goto(f"{site}/")
            log_in(page, system.register())
            score_a_point(page)
            page.goto(f"{site}/docs")
            page.get_by_role("link", name="The board").click()
            expect(page).to_have_url(f"{site}/")
            expect(page.locator("#own-score")).to_have_text("1")
            with page.expect_response(f"{site}/stream*") as stream:
                page.goto(f"{site}/embed/main")
            assert stream.value.ok
            expect(page.locator("#board-rows .total")).to_have_text("1")
            assert errors == []
