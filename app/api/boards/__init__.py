"""/boards: boards and their standings."""
