"""The demo: recorded rows -> a story of three services, and what on-call reads of it."""
