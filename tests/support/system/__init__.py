"""Harness for the whole system as real processes, and clients for it."""
