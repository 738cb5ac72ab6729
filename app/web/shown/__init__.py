"""The board, the period and the contest that a page shows."""
