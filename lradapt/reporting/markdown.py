"""Escaping text for Markdown."""


def escaped(text: str) -> str:
    """Return the text with the characters escaped that end a cell or are markup."""
    return "".join(f"\\{letter}" if letter in r"\|<[*_`" else letter for letter in text)
