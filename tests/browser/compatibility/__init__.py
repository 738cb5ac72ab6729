"""The page in old browsers, and where features are missing."""
