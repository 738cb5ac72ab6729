"""Tests of the stores alone."""
