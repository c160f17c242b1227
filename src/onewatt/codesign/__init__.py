"""Co-design: studies, strategies and fronts; the only outer loop."""
