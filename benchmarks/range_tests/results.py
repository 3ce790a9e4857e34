"""Figures that are kept when a run is interrupted."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lradapt.runtime.files import write_json


class Results:
    """Figures by name in a JSON file, so that an interrupted run resumes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        text = path.read_text(encoding="utf-8") if path.exists() else "{}"
        self.figures: dict[str, Any] = json.loads(text)

    def get(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return the figure of that name; compute it first if it is missing."""
        if name not in self.figures:
            self.figures[name] = compute()
            write_json(self.path, self.figures)
        return self.figures[name]
