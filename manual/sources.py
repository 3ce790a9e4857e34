"""What the source of a module says about its names."""

import ast
import re
from itertools import pairwise


def texts_below(body: list[ast.stmt]) -> dict[str, str]:
    """Return name -> the text in the line after its definition."""
    found = {}
    for node, following in pairwise(body):
        target = getattr(node, "target", None) or next(iter(getattr(node, "targets", ())), None)
        text = getattr(getattr(following, "value", None), "value", None)
        if target is not None and isinstance(following, ast.Expr) and isinstance(text, str):
            found[ast.unparse(target)] = re.sub(r"\s*\n\s*", " ", text.strip())
    return found
