"""Review of labels by people: queues of images to decide on, decisions, and the page."""
