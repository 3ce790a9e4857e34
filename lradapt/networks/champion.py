"""`data/champion.safetensors`: the whole network that a warm start begins with, and its version.

It is fetched before the DVC graph runs, like the backbone: the version in production changes with
time, and must not change a stage's output under equal hashes. Without a warm start the file is
empty.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lradapt.errors import WeightsError
from lradapt.runtime.files import whole_file, write_bytes

if TYPE_CHECKING:
    from torch import Tensor

_NOTE = "lradapt.champion"
_REMEDY = "import it with `lradapt import champion`, or set finetune.start to backbone"


@dataclass(frozen=True, slots=True)
class Champion:
    """The version of the weights.

    Attributes:
        version: in the registry.
        architecture: as in `model.architecture`.
        class_names: in the order of the head's rows.
    """

    version: str
    architecture: str
    class_names: tuple[str, ...]


def write_champion(into: Path, champion: Champion, weights: bytes) -> None:
    """Write the file."""
    from safetensors.numpy import load, save  # torch takes seconds, and nothing is computed here

    # One entry of metadata: several would be written in random order.
    write_bytes(into, save(load(weights), {_NOTE: json.dumps(asdict(champion))}))


def ensure_file(path: Path) -> None:
    """Write an empty file where there is none: DVC needs it, with or without a warm start."""
    if not path.exists():
        from safetensors.numpy import save_file

        with whole_file(path) as partial:
            save_file({}, partial)


def read_champion(path: Path, architecture: str) -> "tuple[Champion, dict[str, Tensor]]":
    """Read the version and the weights in `path`.

    Raises:
        WeightsError: there are none, or they are of another architecture.
    """
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load_file

    try:
        with safe_open(path, framework="pt") as file:
            note = json.loads((file.metadata() or {})[_NOTE])
    except (FileNotFoundError, SafetensorError, KeyError) as error:
        raise WeightsError(f"{path} holds no champion to start from; {_REMEDY}") from error
    champion = Champion(note["version"], note["architecture"], tuple(note["class_names"]))
    if champion.architecture != architecture:
        raise WeightsError(
            f"{path} holds a {champion.architecture} (version {champion.version}), but "
            f"model.architecture is {architecture}: set finetune.start to backbone"
        )
    return champion, load_file(path)


def warm_weights(
    champion: "Mapping[str, Tensor]",
    new: "Mapping[str, Tensor]",
    *,
    head: str,
    previous_classes: Sequence[str],
    classes: Sequence[str],
) -> "dict[str, Tensor]":
    """Return the champion's weights for the current classes.

    Args:
        champion: its state dict.
        new: the state dict of the new head on the backbone.
        head: qualified name of the last linear layer.
        previous_classes: of the champion, in the order of its head's rows.
        classes: the current ones, in the order of the new head's rows. A class that the champion
            knows by name gets the champion's row; another keeps the new head's.

    Raises:
        WeightsError: the champion's head reads other features.
    """
    width, expected = champion[f"{head}.weight"].shape[1], new[f"{head}.weight"].shape[1]
    if width != expected:
        raise WeightsError(
            f"the champion's head reads {width} features, but with model.reads of params.yaml it "
            f"would read {expected}: set model.reads as the champion has it, or finetune.start to "
            "backbone"
        )
    row_of = {name: row for row, name in enumerate(previous_classes)}
    known = [number for number, name in enumerate(classes) if name in row_of]
    weights = dict(champion)
    for name in (f"{head}.weight", f"{head}.bias"):
        rows = new[name].clone()
        rows[known] = champion[name][[row_of[classes[number]] for number in known]]
        weights[name] = rows
    return weights
