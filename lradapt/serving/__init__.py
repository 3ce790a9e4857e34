"""Use of the model in production: from a program, and over HTTP."""
