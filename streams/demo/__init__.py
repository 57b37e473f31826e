"""The demo: recorded rows -> a story of four services, and what on-call reads of it."""
