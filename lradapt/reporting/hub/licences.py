"""What is known of the licences of a model: its own, that of its first weights, of its images."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lradapt.reporting.markdown import escaped

FILE = "LICENSE.md"
"""The name by which the hub finds it."""

_NON_COMMERCIAL = re.compile(r"(?<![a-z])nc(?![a-z])|non-?commercial|noncommercial", re.IGNORECASE)

_NON_COMMERCIAL_NOTE = (
    "the licence of the images or of the first weights forbids commercial use. Whether that covers "
    "a model trained on them is a question for a lawyer; until then, do not use it commercially"
)


@dataclass(frozen=True, slots=True)
class Licences:
    """The licences of a model.

    Attributes:
        model: by its identifier on the hub, as a person stated it; empty if nobody did.
        weights: where the training began, and under which licence those weights are, in words.
        data: of images and labels, as a person stated it; empty if nobody did.
    """

    model: str
    weights: str
    data: str

    @property
    def non_commercial(self) -> bool:
        """Whether the licence of the images, or of the first weights, forbids commercial use."""
        return any(_NON_COMMERCIAL.search(each) for each in (self.data, self.weights))

    def header(self) -> dict[str, str]:
        """Return the keys of the card's header."""
        if self.model:
            return {"license": self.model}
        return {"license": "other", "license_name": "not-stated", "license_link": FILE}

    def notes(self) -> list[str]:
        """Return what is known, as lines of Markdown."""
        lines = [
            f"- **This model**: {escaped(self.model) or 'not stated; ask the contact in the card'}",
            f"- **The weights that the training began with**: {escaped(self.weights)}",
            f"- **The images and labels of the training**: {escaped(self.data) or 'not stated'}. "
            "They are not part of this folder",
        ]
        if self.non_commercial:
            lines.append(f"- **Non-commercial**: {_NON_COMMERCIAL_NOTE}")
        return lines

    def warnings(self) -> list[str]:
        """Return what the person who publishes the model should know, in sentences."""
        unstated = {
            "the model (--licence ID)": self.model,
            "the images (card.data_licence)": self.data,
        }
        found = [
            f"no licence is stated of {what}" for what, licence in unstated.items() if not licence
        ]
        return found + ([_NON_COMMERCIAL_NOTE] if self.non_commercial else [])


def licences_of(manifest: Mapping[str, Any], model: str) -> Licences:
    """Return the licences of a version.

    Args:
        manifest: of the version.
        model: the licence of the model, as a person states it; empty: nobody does.
    """
    stated = manifest.get("params", {}).get("card", {})
    backbone = manifest.get("metrics", {}).get("backbone", {})
    return Licences(model, _weights(backbone), stated.get("data_licence", ""))


def _weights(backbone: Mapping[str, str]) -> str:
    if backbone.get("source") == "none":
        return "none; it began with random weights"
    detail = backbone.get("detail") or "not known"
    return f"{detail}; licence: {backbone.get('licence') or 'not stated'}"
