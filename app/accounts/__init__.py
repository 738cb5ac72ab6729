"""Users, sessions, passwords and display tokens (flows 1 and 2)."""
