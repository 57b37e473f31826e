"""The shell: decisions without a broker, and whole workers on a real one."""
