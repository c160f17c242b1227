"""The reading of the Eyeriss chip paper (jssc17): seven numbers a layer, and what they cost."""
