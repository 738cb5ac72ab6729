"""A soak test: load for minutes, and a check that the used resources stay flat."""
