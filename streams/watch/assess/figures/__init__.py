"""The tally of a window -> each figure that a KPI can be of, with its interval."""
