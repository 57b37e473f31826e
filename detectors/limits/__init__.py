"""What the baseline allows: limits of a mean, each side at its own level."""
