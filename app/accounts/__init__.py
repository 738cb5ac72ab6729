"""Users, sessions, passwords, display tokens, pairing and service keys (flows 1 and 2)."""
