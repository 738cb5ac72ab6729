"""Cheating: the rules, and what follows when one fires (flow 6)."""
