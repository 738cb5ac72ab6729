"""The parts of tools/watch.py."""
