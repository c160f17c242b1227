"""Networks from files and programs: every importer returns a `Workload`."""
