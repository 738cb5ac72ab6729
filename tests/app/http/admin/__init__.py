"""Tests of /admin."""
