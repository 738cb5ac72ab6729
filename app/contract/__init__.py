"""What the API and the broadcaster both speak: key names, messages, identities, the board."""
