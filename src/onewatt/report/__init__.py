"""The report: a result as tables, text, JSON, CSV and one self-contained page."""
