"""Redis as a cluster, behind Sentinel and over TLS: real servers, real failovers."""
