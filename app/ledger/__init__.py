"""The ledger of actions: counting, and partitions by month."""
