"""The crash gate: workers, broker and network are broken on purpose, and every count must still be right."""
