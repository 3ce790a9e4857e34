"""`data.fit` in params.yaml as `lradapt import` chooses it; the value of a person stays."""

import re
from pathlib import Path

from lradapt.config.params import load_params
from lradapt.config.paths import PARAMS_FILE
from lradapt.data.images.fit import FitChoice, choose_fit
from lradapt.data.images.shapes import sample_shapes
from lradapt.runtime.files import write_text

_LINE = re.compile(
    r"^(?P<key> +fit: *)(?P<value>\w+)(?P<said> +# import chose )(?P<chosen>\w+)", re.M
)
"""A line that no person has changed names one value twice."""


def set_fit(images: Path, params: Path = PARAMS_FILE) -> str:
    """Choose `data.fit` for the images of a folder, and write it where no person has set another.

    Returns:
        A sentence about the choice, empty where the centre square suits and is set.
    """
    choice = choose_fit(sample_shapes(images))
    present = load_params(params).data.fit
    if choice.fit == present:
        return "" if present == "crop" else f"data.fit is {present}: {choice.reason}"
    text = params.read_text(encoding="utf-8")
    line = _LINE.search(text)
    if line is None or line["value"] != line["chosen"]:
        return _stays(present, choice)
    changed = f"{line['key']}{choice.fit}{line['said']}{choice.fit}"
    write_text(params, text[: line.start()] + changed + text[line.end() :])
    return f"data.fit in params.yaml was {present} and is {choice.fit} now: {choice.reason}"


def _stays(present: str, choice: FitChoice) -> str:
    return (
        f"data.fit stays {present}, as params.yaml has it; the images suggest {choice.fit}: "
        f"{choice.reason}"
    )
