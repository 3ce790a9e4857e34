"""Where the files of a project lie: `vars` of `dvc.yaml`, the one place that knows a path."""

from pathlib import Path

import yaml

from lradapt.config import yaml_errors as yaml_faults
from lradapt.errors import LradaptError

PROJECT_FILE = Path("dvc.yaml")
PARAMS_FILE = Path("params.yaml")


def read_paths(project_file: Path = PROJECT_FILE) -> dict[str, Path]:
    """Name -> path, as in `vars: [path: {...}]` of `dvc.yaml`.

    Raises:
        LradaptError: there is no `dvc.yaml` here, it is not YAML, or it lists no paths.
    """
    try:
        variables = yaml.safe_load(project_file.read_text(encoding="utf-8"))["vars"]
        tables = [part["path"] for part in variables if isinstance(part, dict) and "path" in part]
        return {name: Path(path) for name, path in tables[0].items()}
    except FileNotFoundError:
        raise LradaptError(f"no {project_file} here: run from the project's folder") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LradaptError(f"{project_file} is not valid YAML: {yaml_faults.told(error)}") from None
    except (KeyError, TypeError, IndexError, AttributeError):
        raise LradaptError(f"{project_file} has no `vars` with a `path` table") from None
