"""Tests of deploy/ and of what hosts read in the root: Procfile, compose file, image."""
