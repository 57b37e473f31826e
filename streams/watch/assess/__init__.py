"""A service's counts -> how each of its releases stands against its KPIs, window by window, and the verdict."""
