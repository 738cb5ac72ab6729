"""Measures whether the time of a failed login reveals usernames."""
