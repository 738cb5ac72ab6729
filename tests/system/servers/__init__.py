"""The API under other WSGI servers, workers and options than those of the Procfile."""
