"""A soak: the system under load for minutes, and whether what it holds stays flat."""
