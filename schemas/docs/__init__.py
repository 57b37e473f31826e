"""The words -> the documents that tell others about them; ``python -m schemas.docs`` writes them."""
