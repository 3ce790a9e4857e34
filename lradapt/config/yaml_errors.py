"""What is wrong with a text that should be YAML, in words and by its line."""

import yaml


def told(error: yaml.YAMLError | UnicodeDecodeError) -> str:
    """One line: where, if that is known, and what."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return str(error)
    context = getattr(error, "context", None)
    what = " ".join(filter(None, (context, getattr(error, "problem", None))))
    return f"line {mark.line + 1}, column {mark.column + 1}: {what}"
