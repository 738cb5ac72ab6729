"""Background work: reconciler, partitions of the ledger, ledger check and session purge."""
