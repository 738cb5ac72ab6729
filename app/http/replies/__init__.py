"""What is added to replies after the view: CORS headers and compression."""
