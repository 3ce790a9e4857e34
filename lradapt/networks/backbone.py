"""`data/backbone.safetensors`: the pre-trained body and its origin.

It is fetched before the DVC graph runs: whether a server answers must not change a stage's output
under equal hashes.
"""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from lradapt.errors import LradaptError, WeightsError
from lradapt.networks.architectures import Architecture
from lradapt.networks.classifier import Weights, build, build_body, in_fp32, without_head
from lradapt.networks.weights_file import read_weights
from lradapt.runtime.files import sha256_of, whole_file

_ORIGIN = "lradapt.origin"
_RANDOM_SEED = 0
_NETWORK_SECONDS = 20.0
_NUM_IMAGENET_CLASSES = 1000


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a body, kept in the file's metadata and in the metrics.

    Attributes:
        architecture: as in `model.architecture`.
        source: "imagenet", "none" (random weights), or the sha256 of the file it was read from.
        detail: for people: the name of the weights or of the file.
        licence: of the weights; "" where it is not known.
    """

    architecture: str
    source: str
    detail: str
    licence: str = ""


def import_backbone(choice: str, architecture: Architecture, into: Path) -> Origin:
    """Fetch the body that `choice` names, and write it to `into`.

    Args:
        choice: "imagenet", "none", "auto" (imagenet if it can be downloaded, else none), or the
            path of a state dict (.safetensors, .pt, .pth) of the network with any head.
        architecture: of the network.
        into: the file to write.

    Raises:
        WeightsError: the weights cannot be fetched, or are not the architecture's.
    """
    weights, origin = _obtain(choice, architecture)
    body = without_head(architecture, weights)
    build_body(architecture, body)  # checks every name and shape, before anything is copied
    body = in_fp32(body)
    with whole_file(into) as partial:
        # `save_file` refuses shared and channels_last tensors, hence the copies. It writes metadata
        # in random order, hence one entry: equal bodies must be equal bytes.
        note = {_ORIGIN: json.dumps(asdict(origin))}
        save_file({k: v.clone().contiguous() for k, v in body.items()}, partial, note)
    return origin


def read_backbone(path: Path, architecture: Architecture) -> Weights:
    """Read the body's weights.

    Raises:
        WeightsError: the file holds those of another architecture.
    """
    found = read_origin(path).architecture
    if found != architecture.name:
        raise WeightsError(
            f"{path} holds a {found}, but model.architecture is {architecture.name}; "
            "import its weights with `lradapt import weights auto`"
        )
    weights: Weights = load_file(path)
    return weights


def read_origin(path: Path) -> Origin:
    """Read the origin of the body in `path`.

    Raises:
        WeightsError: the file is missing or was not written by `lradapt import weights`.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return Origin(**json.loads(file.metadata()[_ORIGIN]))
    except (FileNotFoundError, SafetensorError, TypeError, KeyError, ValueError) as error:
        raise WeightsError(
            f"{path} is not a backbone ({error}); make it with `lradapt import weights auto`"
        ) from error


def _obtain(choice: str, architecture: Architecture) -> tuple[Weights, Origin]:
    if choice == "none":
        return _random(architecture, "random weights")
    if choice == "imagenet":
        return _imagenet(architecture)
    if choice == "auto":
        try:
            return _imagenet(architecture)
        except WeightsError as error:
            return _random(architecture, f"random weights, since {error}")
    return _from_file(Path(choice), architecture)


def _random(architecture: Architecture, detail: str) -> tuple[Weights, Origin]:
    from lradapt.compute.engine import seeded

    with seeded(_RANDOM_SEED):
        weights = build(architecture, num_classes=1).state_dict()
    return weights, Origin(architecture.name, "none", detail)


def _imagenet(architecture: Architecture) -> tuple[Weights, Origin]:
    if architecture.timm_name:
        return _imagenet_of_timm(architecture)
    from torchvision.models import get_model_weights

    try:
        choice = get_model_weights(architecture.name).DEFAULT
    except ValueError as error:
        raise LradaptError(f"model.architecture {architecture.name}: {error}") from error
    try:
        # torchvision checks the hash in the file's name, and unpickles nothing but tensors.
        with _patience(_NETWORK_SECONDS):
            weights = choice.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (OSError, RuntimeError) as error:
        raise WeightsError(f"ImageNet weights cannot be downloaded here ({error})") from error
    return weights, Origin(architecture.name, "imagenet", str(choice))


def _imagenet_of_timm(architecture: Architecture) -> tuple[Weights, Origin]:
    """Fetch the weights from timm's hub, or else from a data package."""
    from lradapt.networks.hub_weights import hub_weights
    from lradapt.networks.packaged_weights import LICENCE, packaged_weights

    name = architecture.name
    try:
        weights, detail, licence = hub_weights(architecture.timm_name, seconds=_NETWORK_SECONDS)
        return weights, Origin(name, "imagenet", detail, licence)
    except WeightsError as no_hub:
        try:
            packaged, detail = packaged_weights(name)
        except WeightsError as error:
            raise WeightsError(f"{no_hub}; {error}") from error
    # A data package lists the layers in the network's own order, under other names.
    names = build(replace(architecture, taps=()), _NUM_IMAGENET_CLASSES).state_dict()
    weights = dict(zip(names, packaged.values(), strict=True))
    return weights, Origin(name, "imagenet", detail, LICENCE)


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """Let connections in a block give up after `seconds` of silence; by default they never do."""
    previous = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(previous)


def _from_file(path: Path, architecture: Architecture) -> tuple[Weights, Origin]:
    weights = read_weights(path)
    return weights, Origin(architecture.name, sha256_of(path), path.name)
