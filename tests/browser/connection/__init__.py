"""The page when connections and servers fail, and when they return."""
