"""Scoring: action tokens, their admission, and the points they give (flows 3 and 4)."""
