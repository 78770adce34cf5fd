"""What runs: chains that take their model, and the model they take."""
