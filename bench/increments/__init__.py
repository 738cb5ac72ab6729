"""The rate of increments, compared with PostgreSQL alone in the same run."""
