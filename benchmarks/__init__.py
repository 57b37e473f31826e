"""Measurements, each run with one command; see docs/benchmarks.md for their figures."""
