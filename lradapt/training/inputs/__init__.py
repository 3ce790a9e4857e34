"""What a training step gets: which images make a batch, and how they are prepared."""
