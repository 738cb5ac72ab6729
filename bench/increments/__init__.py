"""How fast increments are, beside PostgreSQL alone in the same run."""
