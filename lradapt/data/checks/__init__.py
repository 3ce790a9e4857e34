"""What can be wrong with a set of labelled images, and what is done about it."""
