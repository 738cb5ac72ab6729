"""Tests of the live page: its headers, and its behaviour in a real browser."""
