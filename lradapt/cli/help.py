"""What the help of a command says below its options: examples, and the exit codes."""

from rich.markup import escape

from lradapt.cli import exit_codes

DATA, TRAINING, REGISTRY, USE, DVC = "Data", "Training", "Registry", "Use", "For dvc.yaml"
"""The groups of commands."""

USUAL_CODES = (exit_codes.DONE, exit_codes.FAILED, exit_codes.WRONG_USAGE)


def epilog(*examples: str, codes: tuple[int, ...] = USUAL_CODES) -> str:
    """The text, in rich's markup.

    Args:
        examples: commands as they are typed.
        codes: that the command ends with, beside those of a fault and of signals.
    """
    lines = [f"  {escape(example)}" for example in examples]
    return "\n".join(
        ["[bold]Examples[/]", *lines, "", f"[bold]Exit codes[/]  {exit_codes.told(*codes)}"]
    )
