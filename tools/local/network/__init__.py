"""Ports, hosts and links of a local run."""
