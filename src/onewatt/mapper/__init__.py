"""The mapper: mapspace, ranking, search, fronts and bounds."""
