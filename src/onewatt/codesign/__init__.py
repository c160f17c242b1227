"""Co-design: studies, strategies, fronts and calibration; the only outer loop."""
