"""The pages of the public names, the events and the exit codes, from the code that defines them."""

import ast
import inspect

import lradapt
from lradapt.cli.exit_codes import MEANINGS
from lradapt.errors import LradaptError
from manual.sources import texts_below
from manual.tables import table
from tasks.ui import events


class UndocumentedEventError(LradaptError):
    """An event has no text below its name."""


def api_page() -> str:
    """Return the page of all public names, whose texts mkdocstrings takes from the code."""
    names = "\n".join(f"::: lradapt.{name}\n" for name in lradapt.__all__)
    return (
        "# The public library\n\nAll that `import lradapt` offers, made from the code. "
        f"With examples: [in your own training loop](../library.md).\n\n{names}"
    )


def events_page() -> str:
    """Return the page of the events on Prefect's server.

    Raises:
        UndocumentedEventError: an event has no text below its name in `tasks/ui/events.py`.
    """
    texts = texts_below(ast.parse(inspect.getsource(events)).body)
    found = {name: value for name, value in vars(events).items() if name.isupper()}
    if missing := sorted(set(found) - set(texts)):
        raise UndocumentedEventError(
            f"{events.__name__} has events without a meaning: {', '.join(missing)}. Write it as a "
            "text below the name"
        )
    rows = [(f"`{value}`", texts[name]) for name, value in sorted(found.items())]
    return (
        "# Events\n\nThe flows send these to Prefect's server (`tasks/ui/events.py`); automations "
        "start by them. Resources, payloads and the webhook: "
        "[operations](../operations.md#events-and-webhook).\n\n"
        f"{table(('event', 'meaning'), rows)}"
    )


def exit_codes_page() -> str:
    """Return the page of the exit codes of all programs."""
    rows = [(str(int(code)), meaning) for code, meaning in MEANINGS.items()]
    return (
        "# Exit codes\n\nOf `lradapt`, `python -m flows...` and `python -m benchmarks...` "
        "(`lradapt/cli/exit_codes.py`). When each occurs: "
        f"[the terminal](../terminal.md#exit-codes).\n\n{table(('code', 'meaning'), rows)}"
    )
