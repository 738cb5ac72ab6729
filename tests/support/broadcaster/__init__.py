"""Harnesses of the broadcaster: a process of its own, or a hub in the test's event loop."""
