"""MEASURE: events -> flushes. Pure."""
