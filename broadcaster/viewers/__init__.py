"""The viewers of this process: the hub, their sockets, limits, heartbeat and commands."""
