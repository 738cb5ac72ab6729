"""Whether the time of a refused login tells who has an account."""
