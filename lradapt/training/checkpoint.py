"""Checkpoints of a training: a file that is not whole is reported and not used.

    FOLDER/KEY/checkpoint.json      the whole key, the sha256 of each file, the seconds spent
    FOLDER/KEY/step-N.safetensors   all that changes with a step
    FOLDER/KEY/cycle-N.safetensors  the weights at the end of a cycle, written once

FOLDER is build/.checkpoints/STAGE (`lradapt.stages.checkpoints`), KEY has its first 16 characters.
A checkpoint is found by its key alone, a hash of all that the training depends on; no result
depends on a checkpoint. Those of other keys are removed when a run has succeeded; its own stays,
since DVC may be killed before it has recorded the results.
"""

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from lradapt.compute.engine import Engine
from lradapt.runtime.files import read_json, sha256_of, whole_file
from lradapt.runtime.row_cache import made_with
from lradapt.runtime.system.disk import flush
from lradapt.runtime.timings import Spent

log = logging.getLogger(__name__)

Tensors = Mapping[str, Tensor]

_NOTE = "checkpoint.json"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A training after one of its steps.

    Attributes:
        step: the number of steps taken.
        state: all that changes with a step, by name.
        cycles: the weights at the end of each cycle so far.
        spent: time up to here, of all processes of this training.
    """

    step: int
    state: Tensors
    cycles: Sequence[Tensors]
    spent: Spent


@dataclass(frozen=True, slots=True)
class CheckpointFolder:
    """The folder of one training's checkpoints: `folder` is the stage's; for `key` see `key_of`."""

    folder: Path
    key: str

    @property
    def own(self) -> Path:
        """The folder of this key."""
        return self.folder / self.key[:16]


def key_of(module: str, inputs: Sequence[Path], params: Mapping[str, Any], engine: Engine) -> str:
    """Return a hash of everything that can change a bit of a training's result.

    Args:
        module: dotted name of the stage's module; the code that it uses counts.
        inputs: the files that it reads, in a fixed order; their content counts.
        params: the values that it reads, as JSON knows them.
        engine: where it computes. The libraries count too.
    """
    on_gpu = engine.device.type == "cuda"
    return made_with(
        module,
        inputs=[sha256_of(path) for path in inputs],
        params=params,
        device=torch.cuda.get_device_name(engine.device) if on_gpu else engine.device.type,
        processor=torch.backends.cpu.get_cpu_capability(),
        precision=engine.precision,
        memory_format=engine.memory_format,
        threads=torch.get_num_threads(),
    )


def write_checkpoint(place: CheckpointFolder, checkpoint: Checkpoint) -> None:
    """Replace the previous checkpoint, which stays whole until then, even in a power cut.

    Raises:
        DiskFullError: the disk is full; the previous one stays.
        OSError: nothing can be written there.
    """
    try:
        files = _written(place.own, checkpoint)
        note = {"key": place.key, "files": files, "spent": asdict(checkpoint.spent)}
        with whole_file(place.own / _NOTE) as partial:
            partial.write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8", newline="\n")
            flush(partial)
        flush(place.own)
    finally:
        _prune(place.own)


def read_checkpoint(place: CheckpointFolder) -> Checkpoint | None:
    """Return the last checkpoint of this key; None where there is none.

    One that is damaged, or has another key, is reported and removed.
    """
    if not place.own.exists():
        if _others(place):
            log.info(
                "%s has a checkpoint of other inputs, params, code or threads; it is not used",
                place.folder,
            )
        return None
    try:
        return _read(place)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, SafetensorError) as error:
        log.warning(
            "the checkpoint in %s is damaged; the training starts from the beginning (%s)",
            place.own,
            error or repr(error),
        )
        shutil.rmtree(place.own, ignore_errors=True)
        return None


def remove_others(place: CheckpointFolder) -> None:
    """Remove the checkpoints of other keys."""
    for other in _others(place):
        shutil.rmtree(other, ignore_errors=True)


def _others(place: CheckpointFolder) -> list[Path]:
    if not place.folder.exists():
        return []
    return [path for path in place.folder.iterdir() if path.is_dir() and path != place.own]


def _written(own: Path, checkpoint: Checkpoint) -> dict[str, str]:
    """Write the tensors and return the sha256 of each file; a saved cycle is not written again."""
    previous = _named(own)
    parts = {f"cycle-{number}": part for number, part in enumerate(checkpoint.cycles, start=1)}
    files = {}
    for name, part in {**parts, f"step-{checkpoint.step}": checkpoint.state}.items():
        path = own / f"{name}.safetensors"
        files[path.name] = previous.get(path.name) or _save(part, path)
    return files


def _save(tensors: Tensors, path: Path) -> str:
    with whole_file(path) as partial:
        # safetensors refuses tensors that are channels last
        contiguous = {name: value.cpu().contiguous() for name, value in tensors.items()}
        try:
            save_file(contiguous, partial)
        except SafetensorError as error:  # also for a fault of the disk; its text names it
            raise OSError(str(error)) from error
        flush(partial)
        return sha256_of(partial)


def _read(place: CheckpointFolder) -> Checkpoint:
    note = read_json(place.own / _NOTE)
    if note["key"] != place.key:
        raise ValueError(f"made by another run, {note['key']}")
    for name, sha256 in note["files"].items():
        if sha256_of(place.own / name) != sha256:
            raise ValueError(f"{name} is not what was written")
    tensors = {name: load_file(place.own / name) for name in note["files"]}
    (newest,) = [name for name in tensors if name.startswith("step-")]
    return Checkpoint(
        step=int(newest.removeprefix("step-").removesuffix(".safetensors")),
        state=tensors.pop(newest),
        cycles=[tensors[f"cycle-{number}.safetensors"] for number in range(1, len(tensors) + 1)],
        spent=Spent(**note["spent"]),
    )


def _named(own: Path) -> dict[str, str]:
    """Return the files that the checkpoint names; none where its note cannot be read."""
    try:
        return dict(read_json(own / _NOTE)["files"])
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def _prune(own: Path) -> None:
    """Remove the previous step, and half-written files of a process that was killed."""
    if not own.is_dir():  # it could not be made
        return
    named = {*_named(own), _NOTE}
    for path in own.iterdir():
        if path.name not in named:
            path.unlink(missing_ok=True)
