"""Escaping text for Markdown."""

from lradapt.text import printable


def escaped(text: str) -> str:
    """Return the text with the characters escaped that end a cell, are markup, or are controls."""
    return "".join(f"\\{letter}" if letter in r"\|<[*_`" else letter for letter in printable(text))
