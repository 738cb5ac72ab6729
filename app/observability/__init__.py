"""The form of log lines. It imports no other room, so that every process can use it first."""
