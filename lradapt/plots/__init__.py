"""Pictures from the stages' own figures: a file draws one kind, `canvas` saves it."""
