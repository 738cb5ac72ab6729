"""SQL and Redis: every change atomic in the store, never committed here."""
