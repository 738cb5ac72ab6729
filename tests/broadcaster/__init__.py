"""Tests of the broadcaster."""
