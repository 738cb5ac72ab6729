"""Fraud: the rules, the windows of attempts they read, and the judge (flow 6)."""
