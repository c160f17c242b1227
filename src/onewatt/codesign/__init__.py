"""Studies: the one outer loop over chips, networks and algorithms."""
