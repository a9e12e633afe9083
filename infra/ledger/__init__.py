"""The hash-chained ledger: its stores, its proof, its exports."""
