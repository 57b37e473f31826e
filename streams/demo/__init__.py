"""The demo: recorded rows -> a story of four services and a release of a fifth, and what on-call reads of them."""
