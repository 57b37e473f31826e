"""Targets that a rollback can change: each is looked at, and changed by compare-and-set."""
