"""From a published version to production, and back: judge, promote, verify, roll back."""
