"""Tests of the published clients against a running system."""
