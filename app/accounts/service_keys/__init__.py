"""Service keys: a trusted server scores with one on the boards that the key names."""
