"""The nouns: workloads, architectures, mappings, prices, ledgers and results."""
