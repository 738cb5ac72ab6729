"""The live page: its headers, and in a real browser."""
