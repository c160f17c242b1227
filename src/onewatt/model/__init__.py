"""The model: mappings become counts, energy and latency."""
