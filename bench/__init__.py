"""Benchmarks: each prints what it measured beside a limit or a peer of the same run."""
