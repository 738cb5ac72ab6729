"""Boards read from a streaming replica."""
