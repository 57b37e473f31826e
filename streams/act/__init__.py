"""ACT: rollback commands, and what is seen of their target -> what may be done. Pure."""
