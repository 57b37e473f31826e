"""WATCH: facts -> findings. Pure."""
