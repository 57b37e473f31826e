"""What was kept by the hour for thirteen months -> budgets, weeks, quarters, and bands that fit them."""
