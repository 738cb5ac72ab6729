"""Batches, single flight, bulkhead, circuit breaker, CPU affinity; without scoreboard logic."""
