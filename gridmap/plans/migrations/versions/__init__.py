"""One module a step, the oldest first."""
