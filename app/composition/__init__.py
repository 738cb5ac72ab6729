"""Builds the services of each process from the settings: API, broadcaster, operators' commands."""
