"""What one action of a component costs, with its band and its sources."""
