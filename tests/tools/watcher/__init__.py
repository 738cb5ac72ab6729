"""Tests of tools/watcher."""
