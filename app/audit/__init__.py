"""The audit trail: each change of an account with its actor, time and reason."""
