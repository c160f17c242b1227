"""Compiled kernels of the search: boxes of tilings, their bounds, and the exploring of them."""
