"""Running: where outcomes are kept, and the processes and machines that make them."""
