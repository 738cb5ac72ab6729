"""Batching, the circuit breaker and CPU affinity; independent of the scoreboard."""
