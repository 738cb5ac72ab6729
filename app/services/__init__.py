"""What the system does; services own the transactions and know no HTTP."""
