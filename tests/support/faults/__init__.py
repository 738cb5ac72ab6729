"""Systems under load in which a test causes a fault, and what must be true afterwards."""
