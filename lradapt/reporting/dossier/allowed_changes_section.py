"""Section: which changes may happen, by what, within which bounds, and what has changed so far."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lradapt import __version__
from lradapt.reporting.dossier.bounds import bounds_of_params
from lradapt.reporting.dossier.collected import Collected, Version
from lradapt.reporting.dossier.param_changes import NOT_RECORDED, flat
from lradapt.reporting.dossier.references import ANSWERS
from lradapt.reporting.dossier.section import Section, Table, in_words

_BY_DATA = "new or changed images and labels; no person decides"
_BY_PARAMS = "a person edits params.yaml"
_BY_CODE = "a person installs other code"


def section(collected: Collected) -> Section:
    """Return the section, from the manifests of all versions."""
    usable = [each for each in collected.versions if not each.fault]
    latest = _latest(collected)
    sentences = [
        "Between two runs nothing changes by itself but the data, and what is computed from them. "
        "Every other value is fixed until a person edits params.yaml or installs other code; the "
        "sections below name each such change with its old and new value. A change reaches "
        "production only through the gate, by a person's override, or by a rollback.",
        f"The bounds are those of lradapt {__version__}, which made this dossier. A run refuses a "
        "value outside them before it computes anything.",
    ]
    if latest is None:
        return Section("changes", "Which changes may happen", ANSWERS["changes"], sentences)
    return Section(
        "changes",
        "Which changes may happen",
        ANSWERS["changes"],
        sentences,
        (
            Table(
                "What may change, by what, and how many different ones the versions have had",
                ("what", "changes by", "bounds", "different so far"),
                list(_elements(usable, latest)),
            ),
            _stages(latest),
            _params(usable, latest),
        ),
    )


def _latest(collected: Collected) -> Version | None:
    """Return the version in production, else the newest that can be used."""
    usable = {each.name: each for each in collected.versions if not each.fault}
    live = collected.promotions[-1].version if collected.promotions else ""
    return usable.get(live) or next(reversed(usable.values()), None)


def _elements(versions: Sequence[Version], latest: Version) -> Iterator[tuple[str, ...]]:
    params = latest.manifest.get("params", {})
    manifests = [each.manifest for each in versions]
    start = params.get("finetune", {}).get("start", NOT_RECORDED)
    yield "weights", _BY_DATA, f"training by params.yaml, from: {start}", _files(manifests)
    yield "labels", _BY_DATA, "the checks (check.policies)", _different(manifests, "data", "labels")
    yield "images", _BY_DATA, "the checks (check.policies)", _different(manifests, "data", "table")
    yield (
        "train, validation and test split",
        _BY_DATA,
        "a rule without a seed (docs/method.md); groups stay together",
        _different(manifests, "data", "split"),
    )
    yield (
        "classes",
        "a new label; a class in production goes only by gate.renamed",
        "at least gate.min_class_images held-out images each",
        _classes(versions),
    )
    rates = params.get("head_rate", {}).get("source", NOT_RECORDED)
    body = params.get("body_rates", {}).get("source", NOT_RECORDED)
    yield (
        "learning rates",
        "a range test on the data, where the source is found or found_or_given",
        f"head_rate.source: {rates}; body_rates.source: {body}",
        "-",
    )
    yield "temperature", _BY_DATA, "0.05 to 20 (docs/method.md)", _temperatures(manifests)
    yield (
        "params",
        _BY_PARAMS,
        "the table of params below",
        _different(manifests, "params_sha256"),
    )
    yield (
        "architecture",
        _BY_PARAMS,
        "model.architecture",
        _different(manifests, "params", "model", "architecture"),
    )
    yield "code", _BY_CODE, "none", _different(manifests, "code", "commit")
    yield "libraries", _BY_CODE, "constraints.txt of lradapt", _different(manifests, "libraries")


def _classes(versions: Sequence[Version]) -> str:
    """Return the number of different lists of classes, by the labels of the test images."""
    lists = {frozenset(each.test_images.values()) for each in versions if each.test_images}
    return f"{len(lists)} (in the test split)"


def _files(manifests: Sequence[Mapping[str, Any]]) -> str:
    return _different(manifests, "files", "model.onnx")


def _temperatures(manifests: Sequence[Mapping[str, Any]]) -> str:
    return _different(manifests, "metrics", "calibration", "temperature")


def _different(manifests: Sequence[Mapping[str, Any]], *keys: str) -> str:
    """Return the number of different values of a manifest's key, and of those not recorded."""
    found = [_at(each, keys) for each in manifests]
    known = {repr(each) for each in found if each is not None}
    absent = sum(each is None for each in found)
    return f"{len(known)}{f', {absent} {NOT_RECORDED}' if absent else ''}"


def _at(value: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _stages(latest: Version) -> Table:
    stages = (latest.manifest.get("dvc_lock") or {}).get("stages", {})
    rows = [(name, _dependencies(stage), _keys(stage)) for name, stage in sorted(stages.items())]
    return Table(
        f"The stages of dvc.yaml that made {latest.name}, with all that each reads (dvc.lock)",
        ("stage", "files", "params"),
        rows or [(NOT_RECORDED, "", "")],
        folded=True,
    )


def _dependencies(stage: Mapping[str, Any]) -> str:
    return ", ".join(each["path"] for each in stage.get("deps", ())) or "none"


def _keys(stage: Mapping[str, Any]) -> str:
    return ", ".join(sorted(stage.get("params", {}).get("params.yaml", {}))) or "none"


def _params(versions: Sequence[Version], latest: Version) -> Table:
    """Return every value with its bounds; a value that no schema knows has none."""
    bounds = bounds_of_params()
    values = _flat_params(latest.manifest)
    seen = [_flat_params(each.manifest) for each in versions]
    rows = []
    for key, value in values.items():
        different = {repr(each[key]) for each in seen if key in each}
        inside = bounds.get(key) or bounds.get(key.rsplit(".", 1)[0], "not in this schema")
        rows.append((key, in_words(value), inside, str(len(different))))
    return Table(
        f"Every value of params.yaml, as {latest.name} has it",
        ("key", "value", "bounds", "different values in all versions"),
        rows or [(NOT_RECORDED, "", "", "")],
        folded=True,
    )


def _flat_params(manifest: Mapping[str, Any]) -> dict[str, Any]:
    found = flat(manifest.get("params") or {})
    return {key: each for key, each in found if not key.startswith("chosen_by_import.")}
