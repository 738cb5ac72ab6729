"""docker-compose.yml: its content, and its processes without containers."""
