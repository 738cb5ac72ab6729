"""How long the rank index takes to be whole again after Redis lost it."""
