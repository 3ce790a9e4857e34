"""A day of a served model, in minutes: a shift at noon, and all that follows from it."""
