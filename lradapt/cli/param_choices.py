"""What an import writes into params.yaml: facts of the images and the machine, rules, decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lradapt.config.import_choices import (
    Decision,
    ParamChoice,
    decide,
    may_change,
    write_decisions,
)
from lradapt.config.import_recipe import choose_recipe
from lradapt.config.import_rules import (
    RESNET18,
    ImageFacts,
    Machine,
    choose_for_any,
    choose_for_photos,
    choose_for_small,
    choose_licence,
    choose_normalisation,
)
from lradapt.config.params import Params
from lradapt.config.paths import PARAMS_FILE
from lradapt.config.validation import validate
from lradapt.config.yaml_files import read_yaml
from lradapt.runtime.system.cores import available_cores

if TYPE_CHECKING:
    from lradapt.training.engine_tuning.combinations import Tuning

MEASURE_SECONDS = 20.0
"""No measurement of the engine begins later."""
_MEASURED_BATCH = 4  # a larger one takes longer, and ranks the settings alike
_IMAGENET = "imagenet"
_OWN_SOURCES = (_IMAGENET, "none")
"""Of weights that lradapt brings itself."""
_ENGINE_KEYS = ("engine.precision", "engine.threads", "engine.memory_format")


def choose_params(
    images: Path,
    class_sizes: Mapping[str, int],
    *,
    backbone: Path,
    licence: str,
    keep: bool,
    path: Path = PARAMS_FILE,
) -> list[Decision]:
    """Choose values for the imported images, and write them where no person has set others.

    The recipe of the training depends on the weights that the chosen network gets, and the settings
    of the engine on the recipe: see `choose_for_weights`, then `choose_engine`.

    Args:
        images: their folder.
        class_sizes: images of each class.
        backbone: the file of the pre-trained weights; it may be missing.
        licence: of the images; "" if it is not known.
        keep: write nothing.
        path: the params.yaml.
    """
    values = read_yaml(path)
    decisions = decide(values, [choose_licence(licence)], keep=keep)
    if facts := image_facts(images, class_sizes, validate(Params, values, path)):
        decisions += _for_images(facts, values, backbone, keep=keep)
    write_decisions(path, values, decisions)
    return decisions


def choose_for_weights(
    images: Path, backbone: Path, *, keep: bool, path: Path = PARAMS_FILE
) -> list[Decision]:
    """Choose the recipe of the training that suits the weights, and write it likewise.

    It is for the weights that could be had, so they are imported before. A person's own weights
    count as pre-trained ones.

    Args:
        images: their folder; it may be missing.
        backbone: the file of the pre-trained weights.
        keep: write nothing.
        path: the params.yaml.
    """
    values = read_yaml(path)
    facts = image_facts(images, {}, validate(Params, values, path)) if images.exists() else None
    source = _source_of(backbone)
    if not facts or not source:
        return []
    pretrained = source not in _OWN_SOURCES or (
        source == _IMAGENET and (not facts.small or _has_package(values))
    )
    recipe = choose_recipe(pretrained=pretrained, batch_size=values["finetune"]["batch_size"])
    decisions = decide(values, recipe, keep=keep)
    write_decisions(path, values, decisions)
    return decisions


def choose_engine(images: Path, *, path: Path = PARAMS_FILE) -> list[Decision]:
    """Measure the settings of the engine on the training of photographs, and write the fastest.

    Nothing is measured for pictures that suit the quick start, or if a person has set all of them.
    """
    values = read_yaml(path)
    params = validate(Params, values, path)
    facts = image_facts(images, {}, params)
    if not facts or not any(may_change(values, key) for key in _ENGINE_KEYS):
        return []
    if _suits_quick_start(facts, package=_has_package(values)):
        return []
    decisions = decide(values, _measured(params, values), keep=False)
    write_decisions(path, values, decisions)
    return decisions


def _suits_quick_start(facts: ImageFacts, *, package: bool) -> bool:
    """Return whether pictures get the quick start's values; `package`: one has the weights."""
    return facts.tiny or (facts.small and not package)


def _has_package(values: Mapping[str, Any]) -> bool:
    """Return whether a package has the weights; small pictures never depend on a download."""
    from lradapt.config.photo_backbone import facts_of

    known = facts_of(values["model"]["architecture"])
    return bool(known and known.weights_available)


def image_facts(images: Path, class_sizes: Mapping[str, int], params: Params) -> ImageFacts | None:
    """Return what an import sees of a folder of images; None where no file is an image."""
    from lradapt.data.images.colour import any_coloured
    from lradapt.data.images.shapes import sample_shapes

    shapes = sample_shapes(images)
    if not shapes:
        return None
    coloured = any_coloured(images, max_megapixels=params.data.max_megapixels)
    return ImageFacts(shapes, coloured, class_sizes)


def _for_images(
    facts: ImageFacts, values: Mapping[str, Any], backbone: Path, *, keep: bool
) -> list[Decision]:
    from lradapt.config.photo_backbone import facts_of

    choices = choose_for_any(facts)
    (network,) = decide(values, [_architecture(facts, values, backbone)], keep=keep)
    known = facts_of(network.present)
    if known:
        choices += choose_normalisation(known)
    least_size = known.least_size if known else 0
    package = bool(known and known.weights_available)
    if _suits_quick_start(facts, package=package):
        choices += choose_for_small(facts, least_size=least_size)
    else:
        own_weights = has_own_weights(backbone)
        own_size = None if may_change(values, "data.input_size") else values["data"]["input_size"]
        choices += choose_for_photos(
            facts,
            machine_of(values["engine"]["device"]),
            least_size=least_size,
            input_size=own_size,
            imagenet=package and not own_weights,
            pretrained=package or own_weights,
        )
    return [network, *decide(values, choices, keep=keep)]


def _architecture(facts: ImageFacts, values: Mapping[str, Any], backbone: Path) -> ParamChoice:
    from lradapt.config.photo_backbone import photo_backbone

    key, present = "model.architecture", values["model"]["architecture"]
    if values["model"]["layers"]:
        return ParamChoice(key, present, "model.layers names its layers")
    if has_own_weights(backbone):
        return ParamChoice(key, present, f"{backbone} has weights of yours")
    best, reason = photo_backbone()
    if _suits_quick_start(facts, package=best.weights_available):
        return ParamChoice(key, RESNET18, "the network of the quick start")
    return ParamChoice(key, best.name, reason)


def has_own_weights(backbone: Path) -> bool:
    """Return whether a person has imported the backbone from a file."""
    return _source_of(backbone) not in (*_OWN_SOURCES, "")


def _source_of(backbone: Path) -> str:
    """Return where the weights are from: imagenet, none, a person's file; "" without a backbone."""
    from lradapt.errors import WeightsError
    from lradapt.networks.backbone import read_origin

    try:
        return read_origin(backbone).source
    except WeightsError:
        return ""


def machine_of(device: str) -> Machine:
    """Return what a training has on a device, "auto" or one of `lradapt.compute.engine`."""
    from lradapt.compute.engine import free_memory, set_engine

    engine = set_engine(device=device, precision="fp32", threads=1, memory_format="channels_last")
    return Machine(engine.device.type != "cpu", free_memory(engine.device))


def _measured(params: Params, values: Mapping[str, Any]) -> Sequence[ParamChoice]:
    """Measure the settings of the engine that no person has set, on steps of this training."""
    from lradapt.cli.tune_engine import present_combination, work_of
    from lradapt.compute.engine import set_engine
    from lradapt.training.engine_tuning.combinations import combinations
    from lradapt.training.engine_tuning.tune import tune

    present = present_combination(params)
    own = [key for key in _ENGINE_KEYS if not may_change(values, key)]
    device = set_engine(**params.engine.model_dump()).device
    threads = (present.threads, available_cores())
    others = [one for one in combinations(device, present.threads) if one.threads in threads]
    if device.type == "cpu":
        # Beside other programs, several threads wait for each other, and one alone is faster.
        others.insert(0, replace(present, threads=1))
    names = [key.removeprefix("engine.") for key in own]
    tried = [
        each
        for each in dict.fromkeys([present, *others])
        if all(getattr(each, name) == getattr(present, name) for name in names)
    ]
    work = replace(work_of(params), batch_size=_MEASURED_BATCH)
    found = tune(work, device, tried, seconds=0, at_most=MEASURE_SECONDS)
    return engine_choices(found)


def engine_choices(found: "Tuning") -> list[ParamChoice]:
    """Choose the recommended settings; the present ones if they are as fast."""
    from lradapt.training.engine_tuning.combinations import TIE

    present = found.measured[0]
    (best,) = [one for one in found.measured if one.combination == found.recommended]
    as_fast = present.rate >= TIE * best.rate
    chosen = present if as_fast else best
    reason = f"measured: {chosen.rate:.1f} images/s in training steps"
    if not as_fast:
        reason += f", {present.rate:.1f} with the settings before"
    return [
        ParamChoice(
            key,
            value := getattr(chosen.combination, name := key.removeprefix("engine.")),
            "; ".join([reason, *_other_values(found, name, value)]),
        )
        for key in _ENGINE_KEYS
    ]


def _other_values(found: "Tuning", name: str, chosen: Any) -> list[str]:
    """Return what became of each value of a setting that was tried and is not chosen.

    Its highest rate; or, where none of its combinations was timed, why the first was not.
    """
    rates: dict[Any, float] = {}
    for one in found.measured:
        value = getattr(one.combination, name)
        rates[value] = max(one.rate, rates.get(value, 0))
    results = {value: f"at most {rate:.1f} images/s" for value, rate in rates.items()}
    for combination, why in found.left_out.items():
        results.setdefault(getattr(combination, name), why)
    return [f"{value}: {result}" for value, result in results.items() if value != chosen]
