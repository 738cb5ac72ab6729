"""Tests: mirrors of the tree on real servers; tests/system runs real processes."""
