"""The promises, asked."""
