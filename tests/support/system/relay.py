"""A TCP relay in front of a server, which breaks connections as networks and proxies do."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.support.system.harness import free_ports

_REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_CHUNK = 65_536


class Relay:
    """Passes connections to a port of this machine on, from a port of its own."""

    def __init__(self, target_port: int) -> None:
        self._target = ("127.0.0.1", target_port)
        (self.port,) = free_ports(1)
        self.refuse_upgrades = False
        """Answer WebSocket handshakes with a bare 403."""
        self.refuse_streams = False
        """The same for event streams."""
        self.replies_to_lose: list[bytes] = []
        """Starts of requests, each of which loses one reply: the server carries it out."""
        self._silent: set[socket.socket] | None = set()
        """The connections that carry nothing; None if no connection does."""
        self._listener: socket.socket | None = None
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()

    def up(self) -> None:
        """Accept connections."""
        listener = socket.create_server(("127.0.0.1", self.port))
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def down(self) -> None:
        """Break all connections, and refuse others."""
        if self._listener is not None:
            # Wakes the thread that accepts; a close alone would not.
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def silence(self, *, new_ones_too: bool = False) -> None:
        """Let the present connections stay open and carry nothing from now on."""
        with self._lock:
            self._silent = None if new_ones_too else set(self._connections)

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._target)
        except OSError:
            client.close()
            return
        with client, server:
            with self._lock:
                if self._listener is None:
                    return  # Accepted just before down(), which could not break it.
                self._connections |= {client, server}
            lost = threading.Event()
            back = threading.Thread(target=self._pass_back, args=(server, client, lost))
            back.start()
            self._pass_on(client, server, lost)
            for end in (client, server):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            back.join()
            with self._lock:
                self._connections -= {client, server}

    def _pass_on(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(_CHUNK):
                if self._is_silent(client):
                    continue
                if self._refuses(data):
                    client.sendall(_REFUSED)
                    return
                for start in self.replies_to_lose:
                    if data.startswith(start):
                        self.replies_to_lose.remove(start)
                        lost.set()
                        break
                server.sendall(data)

    def _is_silent(self, client: socket.socket) -> bool:
        return self._silent is None or client in self._silent

    def _refuses(self, request: bytes) -> bool:
        is_upgrade = b"upgrade: websocket" in request.lower()
        is_stream = request.startswith(b"GET /stream")
        return (is_upgrade and self.refuse_upgrades) or (is_stream and self.refuse_streams)

    def _pass_back(
        self, server: socket.socket, client: socket.socket, lost: threading.Event
    ) -> None:
        with suppress(OSError):
            while data := server.recv(_CHUNK):
                if lost.is_set():
                    client.shutdown(socket.SHUT_RDWR)
                    return
                if not self._is_silent(client):
                    client.sendall(data)
