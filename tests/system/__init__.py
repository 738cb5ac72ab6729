"""Tests on real processes, sockets and servers."""
