"""What the shell offers for a word that is not finished; nothing slow, and never an error."""

from collections.abc import Iterator

import typer

from lradapt import stages
from lradapt.config.presets import PRESETS
from lradapt.errors import LradaptError
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_store


def versions(context: typer.Context) -> list[str]:
    """The versions in the registry that was named before; of one on S3 none: it may not answer."""
    location = context.params.get("registry") or DEFAULT_LOCATION
    prefix = f"{context.params.get('name') or DEFAULT_NAME}/versions/"
    if "://" in location:
        return []
    try:
        keys = open_store(location).list(prefix)
    except LradaptError:  # the command itself will tell it
        return []
    return sorted({key.removeprefix(prefix).split("/")[0] for key in keys})


def presets() -> list[str]:
    """The names of the presets."""
    return list(PRESETS)


def stage_names() -> list[str]:
    """The names of the stages."""
    return list(stages.NAMES)


def weights(incomplete: str) -> Iterator[str]:
    """The words that stand for weights; where none fits, the shell offers files."""
    return (word for word in ("imagenet", "none", "auto") if word.startswith(incomplete))
