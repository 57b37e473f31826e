"""The arithmetic: tallies in, evidence out. No Kafka, no clock, no I/O; one algorithm a file."""
