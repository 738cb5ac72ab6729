"""`make demo`: an event with made-up players on a system of its own."""
