"""The params that a stage depends on, as its entry in `dvc.yaml` lists them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lradapt.config.params import Params
from lradapt.config.paths import PROJECT_FILE
from lradapt.config.yaml_files import read_yaml
from lradapt.errors import ParamsError


def read_stage_params(
    stage: str, params: Params, project_file: Path = PROJECT_FILE
) -> dict[str, Any]:
    """Return the values of the params that a stage lists, by dotted name, as JSON knows them.

    Args:
        stage: its name in `dvc.yaml`.
        params: all values.
        project_file: the `dvc.yaml`; where there is none, as in a benchmark, all values are
            returned.

    Raises:
        ParamsError: `dvc.yaml` has no such stage, or lists a param that does not exist.
    """
    values = params.model_dump(mode="json")
    if not project_file.exists():
        return values
    stages = read_yaml(project_file).get("stages", {})
    if stage not in stages:
        raise ParamsError(f"{project_file} has no stage {stage}; it has {', '.join(stages)}")
    names = [name for name in stages[stage].get("params", []) if isinstance(name, str)]
    return {name: _look_up(name, values, project_file) for name in names}


def _look_up(name: str, values: Mapping[str, Any], project_file: Path) -> Any:
    found: Any = values
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            raise ParamsError(
                f"{project_file} lists the param {name}, which does not exist; correct or remove it"
            )
        found = found[part]
    return found
