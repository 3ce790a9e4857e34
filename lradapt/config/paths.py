"""The paths of a project, read from `vars` of `dvc.yaml`, the only place that states them."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

from lradapt.config.yaml_files import read_yaml
from lradapt.errors import LradaptError

PROJECT_FILE = Path("dvc.yaml")
PARAMS_FILE = Path("params.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """The paths of a project, relative to its folder; `dvc.yaml` explains each of them."""

    images: Path
    labels: Path
    backbone: Path
    champion: Path
    code: Path
    confirmed: Path
    pixels: Path
    table: Path
    split: Path
    set_aside: Path
    split_summary: Path
    activations: Path
    lr: Path
    lr_curve: Path
    head: Path
    head_solution: Path
    head_steps: Path
    head_epochs: Path
    body_lr: Path
    body_lr_curve: Path
    model: Path
    model_choice: Path
    validation_logits: Path
    model_steps: Path
    model_epochs: Path
    temperature: Path
    onnx: Path
    metrics: Path
    predictions: Path
    confusion: Path
    confusion_plot: Path
    reliability: Path
    slices: Path
    doubtful_labels: Path
    doubtful_summary: Path
    training_split: Path
    store: Path
    checkpoints: Path
    timings: Path
    report: Path

    def as_dict(self) -> dict[str, Path]:
        """Return the paths by name."""
        return asdict(self)

    def below(self, folder: Path) -> Self:
        """Return the same paths within another folder."""
        return type(self)(**{name: folder / path for name, path in self.as_dict().items()})

    def directly_in(self, folder: Path) -> Self:
        """Return paths of the same file names, all directly in `folder`."""
        return type(self)(**{name: folder / path.name for name, path in self.as_dict().items()})


def find_project() -> Path | None:
    """Return the project that the current folder is in: the folder itself or one around it."""
    folders = (Path.cwd(), *Path.cwd().parents)
    found = (each for each in folders if (each / PROJECT_FILE).is_file())
    return next((each for each in found if (each / ".dvc").is_dir()), None)


def read_paths(project_file: Path = PROJECT_FILE) -> Paths:
    """Read the paths of a project.

    Raises:
        LradaptError: see `read_path_table`; or a path is missing, or one is unknown.
    """
    table = read_path_table(project_file)
    expected = {field.name for field in fields(Paths)}
    missing, unknown = sorted(expected - table.keys()), sorted(table.keys() - expected)
    if missing or unknown:
        raise LradaptError(
            f"{project_file}, table `path` of `vars`: missing {', '.join(missing) or 'none'}; "
            f"unknown {', '.join(unknown) or 'none'}; the names are listed in lradapt.config.paths"
        )
    return Paths(**table)


def read_path_table(project_file: Path) -> dict[str, Path]:
    """Read `vars: [path: {name: path, ...}]` of a `dvc.yaml`.

    Raises:
        LradaptError: the file is missing, is not valid YAML, or lists no paths.
    """
    try:
        variables = read_yaml(project_file)["vars"]
        tables = [part["path"] for part in variables if isinstance(part, dict) and "path" in part]
        return {name: Path(path) for name, path in tables[0].items()}
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise LradaptError(
            f"{project_file} has no `vars` with a `path` table; expected the paths of all files, "
            "as in the dvc.yaml that `lradapt init` writes"
        ) from error
