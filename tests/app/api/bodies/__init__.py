"""Requests with bodies that can or cannot be used."""
