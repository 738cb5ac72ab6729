"""What the broadcaster promises to viewers."""
