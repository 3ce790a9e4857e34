"""Runs an importer: replaces the images, chooses values for params.yaml, prints the result."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lradapt.cli import exit_codes
from lradapt.cli.importing.backbone import Body, advice_on_size, import_body
from lradapt.cli.importing.imported import Imported, print_imported
from lradapt.cli.importing.refusal import present_refusal, why_refused
from lradapt.cli.output import print_json
from lradapt.cli.source_report import print_understood
from lradapt.config.paths import Paths, read_paths
from lradapt.errors import DataError
from lradapt.networks.champion import ensure_file
from lradapt.runtime import lock

if TYPE_CHECKING:
    from lradapt.config.import_choices import Decision
    from lradapt.data.importing.source_labels import SourceLabels


def import_files(
    label: "Callable[[], SourceLabels]", *, replace: bool, keep_params: bool, as_json: bool
) -> None:
    """Import the files that a function labels; print first how it has read them.

    Raises:
        DataError: a training would be refused on them, and is possible on the present images.
    """
    from lradapt.data.importing import importers

    refusals: list[str] = []

    def run_import(**to: Path) -> "SourceLabels":
        source = label()
        print_understood(source, stderr=as_json)
        refusals.append(why_refused(source.folder, source.labels))
        if refusals[0] and not present_refusal(**to):
            raise DataError(
                f"{to['images']} was not replaced: a training is possible on it, and would be "
                f"refused on {source.title}: {refusals[0]}"
            )
        return importers.import_files(source, **to)

    import_images(run_import, refusals, replace=replace, keep_params=keep_params, as_json=as_json)


def import_images(
    run_import: "Callable[..., SourceLabels]",
    refusals: Sequence[str] = (),
    *,
    replace: bool,
    keep_params: bool,
    as_json: bool,
) -> None:
    """Run an importer with the paths of images and labels; import a backbone if there is none.

    Args:
        run_import: the importer.
        refusals: why a training would be refused; the importer may add a reason.
        replace: the present images.
        keep_params: change nothing in params.yaml.
        as_json: print JSON.
    """
    from lradapt.config.params import load_params

    load_params()  # its faults are reported before anything is replaced
    paths = read_paths()
    if paths.images.exists() and not replace:
        raise DataError(
            f"{paths.images} exists already; --replace replaces it (DVC keeps each version that "
            "the flow has run on)"
        )
    with lock.importing():
        source = run_import(images=paths.images, labels=paths.labels)
        labelled = (label.label for label in source.labels if label.label)  # no ties
        classes = dict(Counter(labelled).most_common())
        choices, body = _adapt(
            paths, source, classes, keep_params=keep_params, refused=any(refusals)
        )
    imported = Imported(
        images=str(paths.images),
        labels=str(paths.labels),
        num_images=len(source.labels),
        classes=classes,
        left_behind=source.left_behind,
        notes=list(source.notes),
        advice=[
            *(str(choice) for choice in choices if choice.state in ("yours", "kept")),
            *advice_on_size(paths),
        ],
        choices=choices,
        refusal="".join(refusals),
        backbone=body,
    )
    if as_json:
        print_json(asdict(imported))
    else:
        print_imported(imported, paths)
    if imported.refusal:
        raise typer.Exit(exit_codes.DATA_FAULTS)


def _adapt(
    paths: Paths,
    source: "SourceLabels",
    classes: Mapping[str, int],
    *,
    keep_params: bool,
    refused: bool,
) -> "tuple[list[Decision], Body | None]":
    """Choose the values for the imported images, and import the backbone that is missing."""
    from lradapt.cli.param_choices import choose_engine, choose_for_weights, choose_params
    from lradapt.cli.size_choice import choose_own_size
    from lradapt.config.import_choices import latest

    choices = choose_params(
        paths.images, classes, backbone=paths.backbone, licence=source.licence, keep=keep_params
    )
    ensure_file(paths.champion)
    other_network = any(c.key == "model.architecture" and c.state == "changed" for c in choices)
    body = import_body("auto") if other_network or not paths.backbone.exists() else None
    choices += choose_for_weights(paths.images, paths.backbone, keep=keep_params)
    if not keep_params and not refused:  # else no training follows
        choices += choose_own_size(paths.images, paths.labels, paths.backbone)
        choices += choose_engine(paths.images)
    return latest(choices), body
