"""The arithmetic's promises, asked."""
