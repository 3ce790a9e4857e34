"""Read a file of weights that somebody else has made: tensors by name, and nothing else.

Nothing in it is run, and it costs no more memory than its size lets expect: what it would unpack to
is known before it is unpacked.
"""

import re
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lradapt.errors import WeightsError, listed

if TYPE_CHECKING:
    from torch import Tensor

SUFFIXES = (".safetensors", ".pt", ".pth")

_REMEDY = "save the state dict alone: torch.save(network.state_dict(), FILE)"
_MOST_GROWTH = 4
"""What is in a zip file may be so many times larger than the file; torch.save does not compress."""
_GLOBAL = re.compile(r"GLOBAL (\S+)")
_ZIP = b"PK\x03\x04"
_NUM_SHOWN = 6


def read_weights(path: Path) -> "dict[str, Tensor]":
    """Return the tensors of a state dict, on the CPU.

    Raises:
        WeightsError: it is no file of weights alone, damaged, or would unpack to far more.
    """
    if not path.is_file():
        raise WeightsError(f"no file {path}; expected imagenet, none, auto or a path")
    if path.suffix not in SUFFIXES:
        raise WeightsError(f"{path} is no file of weights: expected {', '.join(SUFFIXES)}")
    with path.open("rb") as file:
        beginning = file.read(100)
    _refuse_bomb(path, beginning)
    try:
        content = _load(path)
    except OSError:  # of the disk
        raise
    except Exception as error:  # PyTorch raises whatever the bytes lead it to
        reason = _reason(beginning, str(error))
        raise WeightsError(f"{path} is not a file of weights alone: {reason}") from error
    return _state_dict(path, content)


def _load(path: Path) -> Any:
    import torch
    from safetensors.torch import load_file

    if path.suffix == ".safetensors":
        return load_file(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about kinds of files and tensors that are refused
        return torch.load(path, map_location="cpu", weights_only=True)


def _refuse_bomb(path: Path, beginning: bytes) -> None:
    """Refuse a zip file that would unpack to far more than its size."""
    if not beginning.startswith(_ZIP):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise WeightsError(
            f"{path} is not a file of weights alone: it is damaged or cut off ({error})"
        ) from error
    size = path.stat().st_size
    if unpacked > _MOST_GROWTH * size:
        raise WeightsError(
            f"{path} has {size / 1e6:,.1f} MB, but would unpack to {unpacked / 1e6:,.1f} MB, over "
            f"{_MOST_GROWTH} times as much: no file of weights does. It was not unpacked"
        )


def _reason(beginning: bytes, error: str) -> str:
    if not beginning:
        return "it is empty"
    if beginning.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer: run `git lfs pull`"
    if "TorchScript" in error:
        return f"it is a TorchScript program; {_REMEDY}"
    found = _GLOBAL.search(error)
    if found:
        return f"it holds {found[1].rstrip('.,')}, and lradapt unpickles only tensors; {_REMEDY}"
    return f"it is damaged or cut off, or of another kind; {_REMEDY}"


def _state_dict(path: Path, content: Any) -> "dict[str, Tensor]":
    import torch

    if not isinstance(content, dict):
        raise WeightsError(
            f"{path} holds a {type(content).__name__}, and no state dict (names and tensors); "
            f"{_REMEDY}"
        )
    weights = {name: value for name, value in content.items() if torch.is_tensor(value)}
    others = [name for name in content if name not in weights or not isinstance(name, str)]
    if others:
        raise WeightsError(
            f"{path} holds no state dict (names and tensors), but also "
            f"{_described(content, others)}; {_REMEDY}"
        )
    faults = [f"{name}: {fault}" for name, value in weights.items() if (fault := _fault(value))]
    if faults:
        raise WeightsError(
            f"{path} holds tensors that cannot be weights. {len(faults)} fault(s):\n"
            + listed(faults, limit=_NUM_SHOWN)
        )
    return weights


def _described(content: dict[Any, Any], names: list[Any]) -> str:
    shown = [f"{name!r} ({type(content[name]).__name__})" for name in names[:_NUM_SHOWN]]
    return ", ".join(shown) + (", ..." if len(names) > _NUM_SHOWN else "")


def _fault(value: "Tensor") -> str:
    """Return why a tensor cannot be weights; empty if it can."""
    import torch

    if value.layout != torch.strided or value.is_quantized:
        return "sparse or quantised, expected a dense tensor"
    if value.is_complex():
        return f"{value.dtype}, expected real numbers"
    stored = value.untyped_storage().nbytes() // value.element_size()
    if value.numel() > _MOST_GROWTH * stored:  # an expanded view: looking at each value takes long
        return f"a view of {value.numel():,} values, of which only {stored:,} are stored"
    if num := int((~torch.isfinite(value)).sum()):
        return f"{num:,} of {value.numel():,} values are infinite or no number"
    return ""
