"""The words: what crosses a topic or a file."""
