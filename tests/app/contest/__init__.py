"""Tests of the contest: freezes."""
