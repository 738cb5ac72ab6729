"""Tests of clients/js."""
