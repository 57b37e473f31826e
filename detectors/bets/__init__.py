"""What to bet on each kind of signal: a multiplier of the wealth for each cell."""
