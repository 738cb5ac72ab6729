"""`python -m tools.local` runs the whole system on one machine."""
