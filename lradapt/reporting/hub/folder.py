"""The files of a version for a model hub; nothing here writes or uploads them."""

import json
from collections.abc import Mapping
from typing import Any

from lradapt.inference.metadata import read_metadata
from lradapt.inference.session import open_session
from lradapt.registry.manifest import CARD, MANIFEST, MODEL, WEIGHTS, json_bytes
from lradapt.registry.published_version import PublishedVersion
from lradapt.reporting.hub.header import header
from lradapt.reporting.hub.licences import FILE as LICENCES
from lradapt.reporting.hub.licences import Licences, licences_of
from lradapt.reporting.markdown import escaped

README, CONFIG = "README.md", "config.json"
_MEANINGS = {
    MODEL: "the model for programs: from uint8 pixels to calibrated probabilities",
    WEIGHTS: "its weights, by the names of torchvision or timm",
    CONFIG: "classes and preprocessing; `model.onnx` has the same in its metadata",
    LICENCES: "what is known of the licences",
    MANIFEST: "the hashes of the published files, data, params and libraries",
}
_USE = """\
```python
from pathlib import Path

from lradapt.inference.predict import Model

model = Model(Path("model.onnx").read_bytes())
for answer in model.classify([Path("photo.jpg")]):
    print(answer.label, answer.probabilities, answer.doubt)
```

Without lradapt: ONNX Runtime, and the preprocessing of `config.json`. With another filter of the
resize, or other edges, the answers look plausible and are worse."""


def hub_files(published: PublishedVersion, licence: str) -> dict[str, bytes]:
    """Return file name -> content; hashes, signature and metadata are verified.

    Args:
        published: the version.
        licence: of the model, by its identifier on the hub; empty: not stated.

    Raises:
        RegistryError: a file is damaged.
        ModelError: the model was not made by lradapt.
    """
    manifest = published.manifest
    model = published.read(MODEL)
    notes = _notes(model)
    licences = licences_of(manifest, licence)
    files = {MODEL: model, CONFIG: json_bytes(_config(notes))}
    if WEIGHTS in manifest["files"]:
        files[WEIGHTS] = published.read(WEIGHTS)
    files[LICENCES] = _lines("# Licences", "", *licences.notes())
    files |= published.vouchers()
    return {README: _readme(published, notes, licences, list(files)), **files}


def _notes(model: bytes) -> Mapping[str, str]:
    session = open_session(model)
    read_metadata(session)  # raises an error where they cannot be used
    return dict(session.get_modelmeta().custom_metadata_map)


def _config(notes: Mapping[str, str]) -> dict[str, Any]:
    names = json.loads(notes["lradapt.class_names"])
    return {
        "architecture": notes["lradapt.architecture"],
        "num_labels": len(names),
        "id2label": {str(number): name for number, name in enumerate(names)},
        "label2id": {name: number for number, name in enumerate(names)},
        "preprocessing": json.loads(notes["lradapt.preprocessing"]),
    }


def _readme(
    published: PublishedVersion, notes: Mapping[str, str], licences: Licences, files: list[str]
) -> bytes:
    name, manifest = published.name, published.manifest
    has_card = CARD in manifest["files"]
    card = published.read(CARD).decode() if has_card else f"# Model card: {escaped(name)}\n"
    rows = [
        f"| `{file}` | {_MEANINGS.get(file, 'a signature of the manifest')} |" for file in files
    ]
    return header(name, manifest, notes["lradapt.architecture"], licences).encode() + _lines(
        card.rstrip(),
        "",
        "## Licences",
        "",
        *licences.notes(),
        "",
        "## How to use it",
        "",
        *_USE.splitlines(),
        "",
        "## Files",
        "",
        f"Version `{published.version}`; `{MANIFEST}` has the sha256 of the model and its weights.",
        "",
        "| file | content |",
        "|---|---|",
        *rows,
    )


def _lines(*lines: str) -> bytes:
    return ("\n".join(lines) + "\n").encode()
