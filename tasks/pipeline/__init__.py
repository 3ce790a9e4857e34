"""DVC's graph: what is stale and why, its commands, its lock file."""
