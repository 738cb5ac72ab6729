"""What the page loads, and how soon it shows the board."""
