"""The record of answers: what a served model was asked and what it answered, in segments."""
