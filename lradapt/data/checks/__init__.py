"""Checks of the data: `problem_kinds` lists what can be wrong, `run_checks` finds all of it."""
