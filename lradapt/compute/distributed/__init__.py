"""One training in several processes, with a GPU or some cores for each."""
