"""Names of others in text that people read: nothing in them may act on a terminal or a spreadsheet.

Names of files and classes come from folders, tables and archives. An escape sequence in one
rewrites a terminal, a newline forges a line of a log, `=cmd` is a formula in a spreadsheet.
"""

import unicodedata

_UNSAFE = frozenset(("Cc", "Cs", "Zl", "Zp"))
_BIDIRECTIONAL = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def is_unsafe(letter: str) -> bool:
    """Return whether a letter is a control, a line separator, or turns the direction of text."""
    return unicodedata.category(letter) in _UNSAFE or letter in _BIDIRECTIONAL


def unsafe_letters(text: str) -> list[str]:
    """Return the letters of a text that must not reach a terminal, escaped, each once."""
    if text.isascii() and text.isprintable():
        return []
    return list(dict.fromkeys(_escaped(letter) for letter in text if is_unsafe(letter)))


def printable(text: str, *, keep: str = "") -> str:
    r"""Return the text with its unsafe letters escaped, such as `\x1b` or `\n`.

    Args:
        text: any.
        keep: letters that stay, such as a newline in a message of several lines.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        _escaped(letter) if letter not in keep and is_unsafe(letter) else letter for letter in text
    )


def shortened(text: str, limit: int = 60) -> str:
    """Return the text without its middle where it is longer than `limit`."""
    if len(text) <= limit:
        return text
    end = limit // 3
    return f"{text[: limit - end - 3]}...{text[-end:]}"


def table_cell(text: str) -> str:
    """Return a text for a CSV file that people open in a spreadsheet: no formula, no control."""
    text = printable(text)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode()
