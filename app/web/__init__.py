"""The live page: log in or register, watch the board, score."""
