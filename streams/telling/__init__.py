"""What WATCH and GATHER say, in the same words: names of incidents, and the messages that carry them. Pure."""
