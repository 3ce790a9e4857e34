"""Tasks: one retryable effect each. They pass names, paths and hashes, never tensors."""
