"""What the API and the broadcaster share: key names, messages, identities, errors, the board."""
