"""Attacks; docs/security.md lists them all."""
