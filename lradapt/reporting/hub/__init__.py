"""A version as a folder for a model hub (Hugging Face): the card with its header, and files."""
