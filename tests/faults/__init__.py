"""Faults under load: no acknowledged point may be lost."""
