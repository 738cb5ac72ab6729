"""What a suspicious engineer would try; docs/security.md has the table of all of it."""
