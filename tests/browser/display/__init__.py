"""The page for projectors."""
