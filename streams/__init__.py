"""The flow: events in, incidents out."""
