"""Everything that differs between one deployment and the next."""
