"""Names of others in text that people read: nothing in them may act on a terminal or a spreadsheet.

Names of files and classes come from folders, tables and archives. An escape sequence in one
rewrites a terminal, a newline forges a line of a log, `=cmd` is a formula in a spreadsheet.
"""

import re

_UNSAFE = re.compile(  # controls, separators of lines, lone surrogates, the direction of text
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_FORMULA = ("=", "+", "-", "@")


def unsafe_letters(text: str) -> list[str]:
    """Return the letters of a text that must not reach a terminal, escaped, each once."""
    return list(dict.fromkeys(map(_escaped, _UNSAFE.findall(text))))


def letters_fault(what: str, text: str, remedy: str) -> str:
    """Return in words that a text has unsafe letters; "" where it has none.

    Args:
        what: the text is, such as "group".
        text: any.
        remedy: what the user can do.
    """
    if not (letters := unsafe_letters(text)):
        return ""
    return f"the {what} '{printable(text)}' has control characters ({', '.join(letters)}); {remedy}"


def printable(text: str, *, keep: str = "") -> str:
    r"""Return the text with its unsafe letters escaped, such as `\x1b` or `\n`.

    Args:
        text: any.
        keep: letters that stay, such as a newline in a message of several lines.
    """
    return _UNSAFE.sub(lambda found: found[0] if found[0] in keep else _escaped(found[0]), text)


def json_text(text: str) -> str:
    r"""Return JSON with the unsafe letters of its strings escaped as JSON does: `\u009b`."""
    return _UNSAFE.sub(
        lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text
    )


def shortened(text: str, limit: int = 60) -> str:
    """Return the text without its middle where it is longer than `limit`."""
    if len(text) <= limit:
        return text
    end = limit // 3
    return f"{text[: limit - end - 3]}...{text[-end:]}"


def table_cell(text: str) -> str:
    """Return a text for a CSV file that people open in a spreadsheet: no formula, no control.

    A spreadsheet takes a cell as text that begins with an apostrophe. A number stays as it is.
    """
    text = printable(text)
    return f"'{text}" if _is_formula(text) else text


def from_table_cell(cell: str) -> str:
    """Return the text of a cell that `table_cell` made of a text without controls."""
    return cell[1:] if cell.startswith("'") and _is_formula(cell[1:]) else cell


def _is_formula(text: str) -> bool:
    if not text.startswith(_FORMULA):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode()
