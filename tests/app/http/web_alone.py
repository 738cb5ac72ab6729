"""A system without a broadcaster, for tests that need settings or stores of their own."""

from __future__ import annotations

from typing import Self

from tests.system.running import RunningSystem, await_health


class WebAlone(RunningSystem):
    """API processes only."""

    def __enter__(self) -> Self:
        for port in self.ports:
            self.start_web(port)
        try:
            for url in self.urls:
                await_health(url)
        except TimeoutError:
            self.stop()
            raise
        return self
