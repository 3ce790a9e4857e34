"""Text for Markdown."""


def escaped(text: str) -> str:
    """The text as it stands: a bar would end a cell, a bracket or an asterisk would be markup."""
    return "".join(f"\\{letter}" if letter in r"\|<[*_`" else letter for letter in text)
