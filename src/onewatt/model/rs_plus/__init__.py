"""Row-stationary plus on a hierarchical mesh: the mappings of Eyeriss v2, in closed form."""
