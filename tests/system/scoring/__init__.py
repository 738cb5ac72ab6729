"""Increments that a worker answers together, and what they wait for."""
