"""From a published version to production, and back: evaluate, promote, smoke test, roll back."""
