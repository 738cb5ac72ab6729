"""The work beside the rank indexes: rebuilding them, and which rankings have one."""
