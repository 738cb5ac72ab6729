"""The AsyncAPI document: what viewers and the broadcaster send each other."""
