"""`make run` as a process, and the commands beside it."""
