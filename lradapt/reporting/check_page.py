"""The page of `lradapt check`: one HTML file with the findings and small images."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from lradapt.data.checks.findings import Finding, by_kind, policy_in_words
from lradapt.data.checks.problem_kinds import MEANINGS
from lradapt.data.folder_check import FolderCheck
from lradapt.data.images.decode import decode_with_storage
from lradapt.data.images.decode_errors import DecodeError
from lradapt.data.images.depth import reduced, used_range
from lradapt.data.images.files import read_file
from lradapt.data.images.open_image import quiet
from lradapt.reporting.pages import png_uri, render_page
from lradapt.text import printable

_SIDE = 144  # pixels of a small image


def render(
    checked: FolderCheck, images: Path, *, max_megapixels: float, num_examples: int = 12
) -> str:
    """Render the page: each kind with its policy, remedy and first examples, side by side."""
    kinds = by_kind(checked.findings)
    examples = {kind: found[:num_examples] for kind, found in kinds.items()}
    pictures = _pictures(
        [finding for found in examples.values() for finding in found], images, max_megapixels
    )
    return render_page(
        "check.html.jinja",
        checked=checked,
        kinds=[
            {
                "name": kind,
                "count": len(kinds[kind]),
                "policy": policy_in_words(kinds[kind], checked.rules.policies[kind]),
                "meaning": MEANINGS[kind],
                "examples": [_shown(finding, pictures) for finding in found],
            }
            for kind, found in examples.items()
        ],
    )


def _shown(finding: Finding, pictures: Mapping[str, str]) -> dict[str, Any]:
    return {
        "text": printable(f"{finding.subject}: {finding.detail}"),
        "pictures": [(name, pictures[name]) for name in _names(finding) if name in pictures],
    }


def _names(finding: Finding) -> list[str]:
    """Return at most four names, first those to compare with."""
    return list(dict.fromkeys([*finding.beside, *finding.images]))[:4]


def _pictures(findings: Sequence[Finding], images: Path, max_megapixels: float) -> dict[str, str]:
    """Return name -> small image, for those that can be decoded."""
    found = {}
    with quiet():
        for name in dict.fromkeys(name for finding in findings for name in _names(finding)):
            try:
                found[name] = _small(read_file(images.resolve(), name), max_megapixels)
            except DecodeError:
                continue  # the finding has the reason
    return found


def _small(file: bytes, max_megapixels: float) -> str:
    decoded = decode_with_storage(file, max_megapixels=max_megapixels)
    image, values = decoded.image, decoded.values
    if values is not None:  # with the contrast that this image has by itself
        image = Image.fromarray(reduced(values, used_range(values))).convert("RGB")
    image.thumbnail((_SIDE, _SIDE))
    content = io.BytesIO()
    image.save(content, "PNG")
    return png_uri(content.getvalue())
