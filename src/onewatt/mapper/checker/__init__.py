"""The parts of the certificate checker: what words cost, what boxes cost at least, and boxes."""
