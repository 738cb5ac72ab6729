"""Tests of what app and broadcaster both speak."""
