"""Background work: the reconciler, the partitions of the ledger and the ledger check."""
