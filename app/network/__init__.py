"""Clients and proxies: which address sent a request, for both processes."""
