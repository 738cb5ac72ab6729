"""Tests of broadcaster."""
