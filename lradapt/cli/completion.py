"""Shell completion of arguments: it imports nothing slow, and raises no error."""

from collections.abc import Iterator

import typer

from lradapt import stages
from lradapt.config.presets import PRESETS
from lradapt.errors import LradaptError
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_registry


def versions(context: typer.Context) -> list[str]:
    """Return the versions in the registry given before; none of one on S3, which may be slow."""
    location = context.params.get("registry") or DEFAULT_LOCATION
    if "://" in location:
        return []
    try:
        return open_registry(location, context.params.get("name") or DEFAULT_NAME).version_names()
    except LradaptError:  # the command itself will report it
        return []


def presets() -> list[str]:
    """Return the names of the presets."""
    return list(PRESETS)


def stage_names() -> list[str]:
    """Return the names of the stages."""
    return list(stages.NAMES)


def weights(incomplete: str) -> Iterator[str]:
    """Return the keywords for weights; if none fits, the shell offers files."""
    return (word for word in ("imagenet", "none", "auto") if word.startswith(incomplete))
