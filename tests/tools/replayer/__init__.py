"""Tests of tools/replayer."""
