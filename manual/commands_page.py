"""The page of all command lines, each by its own help: usage, arguments, options, examples."""

import importlib
import re
from collections.abc import Iterator
from typing import Any

import typer
from typer.main import get_command

from lradapt.cli.app import app
from manual.tables import table

FLOWS = ("retrain", "watch_labels", "monitor", "benchmark", "rollback", "deploy", "ui", "worker")
"""Modules of `flows` that are programs."""


def commands_page() -> str:
    """Return the page in Markdown: `lradapt` with all its commands, and the flows."""
    root = get_command(app)
    parts = [
        "# All options of all commands\n\nMade from the programs' own help. "
        "Grouped by purpose, in short: [commands](../commands.md). "
        "Exit codes, errors, JSON: [the terminal](../terminal.md).\n\n## lradapt\n",
        _options(root),
        *(_part(command, path) for command, path in _below(root, "lradapt")),
        *(_flow(name) for name in FLOWS),
    ]
    return "\n".join(parts)


def _below(group: Any, path: str) -> Iterator[tuple[Any, str]]:
    """Yield each command of a group and of its groups, with its full name."""
    for name, command in group.commands.items():
        yield command, f"{path} {name}"
        if hasattr(command, "commands"):
            yield from _below(command, f"{path} {name}")


def _flow(name: str) -> str:
    module = importlib.import_module(f"flows.{name}")
    single = typer.Typer(add_completion=False)
    single.command()(module.main)
    return _part(get_command(single), f"python -m flows.{name}")


def _part(command: Any, path: str) -> str:
    pieces = [f"## {path}\n", _prose(command.help or ""), _usage(command, path)]
    pieces += [_options(command), _examples(command.epilog or "")]
    return "\n".join(piece for piece in pieces if piece)


def _prose(text: str) -> str:
    """Return a help as Markdown: a form feed ends what the help shows, `*` is no emphasis."""
    shown = text.partition("\f")[0].strip()
    return "".join(f"{_plain(paragraph)}\n\n" for paragraph in shown.split("\n\n"))


def _plain(text: str) -> str:
    pieces = re.split(r"(`[^`]+`)", " ".join(text.split()))
    pieces[::2] = [re.sub(r"([*_<\[])", r"\\\1", piece) for piece in pieces[::2]]
    return "".join(pieces)


def _usage(command: Any, path: str) -> str:
    context = command.context_class(command, info_name=path)
    words = command.collect_usage_pieces(context)
    return f"```\n{' '.join([path, *words])}\n```\n"


def _options(command: Any) -> str:
    context = command.context_class(command)
    shown = [each for each in command.params if not getattr(each, "hidden", False)]
    rows = [_row(each, each.display_type(context)) for each in shown]
    return table(("argument or option", "meaning", "default"), rows) if rows else ""


def _row(param: Any, values: str) -> tuple[str, str, str]:
    """Return names and values of an argument or option, its meaning, and its default."""
    names = ", ".join(f"`{name}`" for name in (*param.opts, *param.secondary_opts))
    if param.param_type_name == "argument":
        names = f"`{param.metavar or param.name.upper()}` `{values}`"
    elif not param.is_flag:
        names += f" `{values}`"
    default = param.default
    shown = isinstance(default, int | float | str) and not isinstance(default, bool) and default
    word = "needed" if param.required else f"`{default}`" if shown else ""
    return names, _plain(getattr(param, "help", None) or ""), word


def _examples(text: str) -> str:
    """Return the examples of an epilog as a block, and its exit codes as a sentence."""
    plain = re.sub(r"(?<!\\)\[/?[a-z]*\]", "", text).replace("\\[", "[")
    found, _, codes = plain.partition("Exit codes")
    lines = [line.strip() for line in found.splitlines()[1:] if line.strip()]
    block = "```\n" + "\n".join(lines) + "\n```\n" if lines else ""
    return block + (f"\nExit codes: {_plain(codes)}.\n" if codes else "")
