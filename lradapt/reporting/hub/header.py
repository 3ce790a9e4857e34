"""The header of a model card on the hub, in YAML: licence, task, tags, results.

The keys are those of Hugging Face's model cards; its `ModelCard` reads them (a test does so).
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from lradapt.reporting.hub.licences import Licences

_TASK = "image-classification"
_METRICS = {  # key of metrics.json -> metric of the hub, its name, its arguments
    "accuracy": ("accuracy", "accuracy", {}),
    "balanced_accuracy": ("recall", "balanced accuracy", {"average": "macro"}),
    "macro_f1": ("f1", "macro-F1", {"average": "macro"}),
}
_ON_THE_HUB = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+) on huggingface\.co\b")


def header(name: str, manifest: Mapping[str, Any], architecture: str, licences: Licences) -> str:
    """Return the header with its lines `---`.

    Args:
        name: of the model.
        manifest: of the version.
        architecture: of the network.
        licences: of the model.
    """
    metrics = manifest.get("metrics", {})
    content = {
        **licences.header(),
        "library_name": "lradapt",
        "pipeline_tag": _TASK,
        "tags": [_TASK, "onnx", "lradapt", architecture.removeprefix("timm/")],
        **_ancestor(metrics),
        **(_results(name, metrics) if metrics else {}),
    }
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{text}---\n"


def _ancestor(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Return the model of the hub that the training began with; nothing where it was another."""
    found = _ON_THE_HUB.match(metrics.get("backbone", {}).get("detail", ""))
    if not found:
        return {}
    return {"base_model": found["repository"], "base_model_relation": "finetune"}


def _results(name: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: each for key, each in _METRICS.items() if key in metrics}
    results = [
        {"type": kind, "name": shown, "value": round(metrics[key], 6)}
        | ({"args": arguments} if arguments else {})
        for key, (kind, shown, arguments) in found.items()
    ]
    dataset = {
        "type": "imagefolder",
        "name": f"{name}, {metrics['images']:,} test images",
        "split": "test",
    }
    task = {"type": _TASK, "name": "image classification"}
    index = {"name": name, "results": [{"task": task, "dataset": dataset, "metrics": results}]}
    return {"metrics": [kind for kind, _, _ in found.values()], "model-index": [index]}
