"""What docs/files.md says of each file: its path, and the columns or keys that it names."""

import re

from tests.docs.documents import read

_ROW = re.compile(r"^\| (`.+?) \| (.+) \|$", re.M)


def described():
    """Return path -> the names in the line of the file, in order; words in brackets are prose."""
    found = {}
    for files, content in _ROW.findall(read("docs/files.md")):
        names = re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", content))
        found |= dict.fromkeys(re.findall(r"`([^`]+)`", files), names)
    return found
