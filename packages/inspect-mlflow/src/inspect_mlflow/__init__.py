"""The bridge between Inspect AI and MLflow."""
