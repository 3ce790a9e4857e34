"""Networks of timm: built by name, their parts and facts read from timm itself.

Parts are read from a network on the meta device: no memory, no weights, no random numbers.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from lradapt.errors import LayersError, ParamsError, WeightsError
from lradapt.networks.architectures import TIMM, Architecture
from lradapt.networks.facts import BackboneFacts
from lradapt.networks.packaged_weights import is_installed, package_of
from lradapt.networks.timm_names import unknown_name

_LEAST_CELL = 32  # pixels; a usual network halves the sides five times


def build_timm(name: str, num_classes: int) -> nn.Module:
    """Build a network with random weights; call it within `engine.seeded`.

    Raises:
        ParamsError: timm has no such network.
    """
    import timm

    fault = unknown_name(name)
    if fault:
        raise ParamsError(f"model.architecture {TIMM}{name}: {fault}")
    try:
        model: nn.Module = timm.create_model(name, num_classes=num_classes)
    except RuntimeError as error:  # of a tag that timm does not know
        raise ParamsError(f"model.architecture {TIMM}{name}: {error}") from error
    return model


@cache
def timm_architecture(name: str) -> Architecture:
    """Return the parts of a network.

    Raises:
        ParamsError: timm has no such network, or its head is not one linear layer.
        LayersError: timm does not order its layers by depth.
    """
    model = _on_meta(name)
    head = _head_of(model, name)
    early, late = _depths(model, name, head)
    names = [parameter for parameter, _ in model.named_parameters()]
    return Architecture(
        name=TIMM + name,
        head=head,
        early=_pattern(early, names),
        late=_pattern(late, names),
        taps=_taps(model, name, head),
    )


@cache
def timm_facts(name: str) -> BackboneFacts:
    """Return the facts about a network and its default weights.

    Raises:
        ParamsError: timm has no such network.
    """
    model = _on_meta(name)
    known: Mapping[str, Any] = model.pretrained_cfg  # type: ignore[assignment]
    package = package_of(TIMM + name)
    size, fixed = int(known["input_size"][-1]), bool(known.get("fixed_input_size"))
    return BackboneFacts(
        name=TIMM + name,
        mean=_channels(known["mean"]),
        deviation=_channels(known["std"]),
        input_size=size,
        interpolation=str(known["interpolation"]),
        least_size=size if fixed else _least_size(model, size),
        fixed_size=fixed,
        reduction=_reduction(model),
        licence=str(known.get("license") or ""),
        package=package,
        weights_available=bool(package) and is_installed(package),
    )


def timm_input_size(name: str) -> int:
    """Return the side in pixels of the images that the default weights were trained on."""
    known: Any = _on_meta(name).pretrained_cfg
    return int(known["input_size"][-1])


def load_timm_file(name: str, path: str) -> dict[str, Tensor]:
    """Return the state dict of a network with the weights of a file in timm's own format.

    timm converts names of its older files.

    Raises:
        WeightsError: the file is not one of this network.
    """
    import timm

    try:
        model = timm.create_model(name, pretrained=True, pretrained_cfg_overlay={"file": path})
    except Exception as error:  # timm raises whatever the file leads it to
        raise WeightsError(f"{path} does not have the weights of {TIMM}{name}: {error}") from error
    weights: dict[str, Tensor] = model.state_dict()
    return weights


@cache
def _on_meta(name: str) -> nn.Module:
    with torch.device("meta"):
        return build_timm(name, num_classes=1).eval()


def _head_of(model: nn.Module, name: str) -> str:
    of_timm: Any = model
    head: object = of_timm.get_classifier() if hasattr(model, "get_classifier") else None
    if not isinstance(head, nn.Linear):
        kind = "no head" if head is None else f"the head {type(head).__name__}"
        raise ParamsError(
            f"model.architecture {TIMM}{name} has {kind}, expected one linear layer; choose "
            "another network"
        )
    path: str = next(path for path, module in model.named_modules() if module is head)
    return path


def _depths(model: nn.Module, name: str, head: str) -> tuple[set[str], set[str]]:
    """Return the names of the parameters of the early and the late body.

    The stem and the first half of timm's stages are early, as in the fast.ai course of 2017.
    """
    *ordered, last = [set(group) for group in _groups(model, name)]
    if f"{head}.weight" in last:  # what timm does not order lies beside the head: norms before it
        ordered[-1] |= _without(last, head)
    else:
        ordered.append(last)
    stem, *stages = [group for group in ordered if group]
    half = (len(stages) + 1) // 2
    if len(stages) < 2:
        raise LayersError(
            f"model.architecture {TIMM}{name}: timm orders its layers in {len(stages) + 1} "
            "group(s), expected a stem and two stages or more; name the layers in model.layers"
        )
    early, late = {*stem}.union(*stages[:half]), set[str]().union(*stages[half:])
    missed = {path for path, _ in model.named_parameters()} - early - late
    if early & late or _without(missed, head):
        raise LayersError(
            f"model.architecture {TIMM}{name}: timm does not put each parameter into one group; "
            "name the layers in model.layers"
        )
    return early, late


def _groups(model: nn.Module, name: str) -> Sequence[Sequence[str]]:
    from timm.models import group_parameters

    matcher: Any = getattr(model, "group_matcher", None)
    if matcher is None:
        raise LayersError(
            f"model.architecture {TIMM}{name}: timm does not order its layers by depth; name them "
            "in model.layers (head, early, late)"
        )
    try:
        found = group_parameters(model, matcher(coarse=True))
    except AssertionError:  # a network without coarse groups
        found = group_parameters(model, matcher())
    return [found[number] for number in sorted(found)]


def _without(names: Iterable[str], head: str) -> set[str]:
    return {name for name in names if not name.startswith(head + ".")}


def _pattern(chosen: set[str], names: Sequence[str]) -> str:
    """Return a regular expression for exactly the chosen of all names, by the longest prefixes."""
    others = [name for name in names if name not in chosen]
    prefixes: dict[str, None] = {}
    for name in (name for name in names if name in chosen):
        parts = name.split(".")
        paths = [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
        alone = (p for p in paths if not any((o + ".").startswith(p + ".") for o in others))
        prefixes[next(alone)] = None
    return "^(" + "|".join(prefix.replace(".", r"\.") for prefix in prefixes) + r")(\.|$)"


def _taps(model: nn.Module, name: str, head: str) -> tuple[str, ...]:
    """Return the modules that give the maps of timm's stages, without what the head reads.

    A BatchNorm is left out: training by several processes replaces it, and its hook with it.
    """
    stages = [stage for stage in _stages(model) if not _is_batchnorm(model, stage["module"])]
    shapes: dict[str, tuple[int, ...]] = {}
    hooks = [
        model.get_submodule(stage["module"]).register_forward_hook(_noting(shapes, stage["module"]))
        for stage in stages
        if stage["module"] in dict(model.named_modules()) and stage["module"]
    ]
    try:
        _compute(model, timm_input_size(name))
    finally:
        for hook in hooks:
            hook.remove()
    linear = model.get_submodule(head)
    taps = [
        stage["module"]
        for stage in stages
        if len(shape := shapes.get(stage["module"], ())) == 4 and shape[1] == stage["num_chs"]
    ]
    last = _stages(model)[-1:]  # before the BatchNorms were left out
    if taps and last and taps[-1] == last[0]["module"]:
        taps = taps[:-1] if last[0]["num_chs"] == linear.in_features else taps
    return tuple(taps)


def _stages(model: nn.Module) -> Sequence[Mapping[str, Any]]:
    known: Any = getattr(model, "feature_info", None) or []
    return list(getattr(known, "info", known))


def _is_batchnorm(model: nn.Module, module: str) -> bool:
    return isinstance(dict(model.named_modules()).get(module), nn.modules.batchnorm._BatchNorm)


def _noting(shapes: dict[str, tuple[int, ...]], module: str) -> Any:
    def note(_: nn.Module, __: object, output: object) -> None:
        shapes[module] = tuple(output.shape) if isinstance(output, Tensor) else ()

    return note


def _compute(model: nn.Module, size: int) -> None:
    with torch.no_grad():
        model(torch.empty(2, 3, size, size, device="meta"))


def _least_size(model: nn.Module, size: int) -> int:
    """Return the least side in pixels, up to `size`, for which the network computes an answer."""
    return next((side for side in range(1, size) if _computes(model, side)), size)


def _computes(model: nn.Module, size: int) -> bool:
    try:
        _compute(model, size)
    except (RuntimeError, ValueError, AssertionError, ZeroDivisionError):
        return False
    return True


def _reduction(model: nn.Module) -> int:
    return max((int(stage.get("reduction", 1)) for stage in _stages(model)), default=_LEAST_CELL)


def _channels(values: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = values
    return float(red), float(green), float(blue)
