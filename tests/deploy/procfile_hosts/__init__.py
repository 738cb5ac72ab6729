"""Hosts that run a Procfile and route one port."""
