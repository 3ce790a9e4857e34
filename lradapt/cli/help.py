"""The end of the help of a command: examples and exit codes."""

from rich.markup import escape

from lradapt.cli import exit_codes

PROJECT, DATA, TRAINING = "Project", "Data", "Training"
REGISTRY, USE, DVC = "Registry", "Use", "For dvc.yaml"
"""The groups of commands."""

USUAL_CODES = (exit_codes.DONE, exit_codes.FAILED, exit_codes.WRONG_USAGE)


def epilog(*examples: str, codes: tuple[int, ...] = USUAL_CODES) -> str:
    """Return the text in rich's markup.

    Args:
        examples: command lines.
        codes: of the command; those of internal errors and signals are left out.
    """
    lines = [f"  {escape(example)}" for example in examples]
    return "\n".join(
        ["[bold]Examples[/]", *lines, "", f"[bold]Exit codes[/]  {exit_codes.describe(*codes)}"]
    )
