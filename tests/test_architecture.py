"""The layers may import downwards only, and dvc.yaml says of each stage what its code says."""

import ast
from pathlib import Path

import pytest
import yaml

from lradapt.stages import NAMES

ROOT = Path(__file__).parent.parent
FORBIDDEN = {
    "lradapt": {"prefect", "dvc", "boto3", "tasks", "flows"},
    "tasks": {"torch", "torchvision", "flows"},
    "flows": {"torch", "torchvision", "boto3", "dvc"},
}
ALLOWED = {("lradapt/registry/s3.py", "boto3")}
PROJECT = yaml.safe_load((ROOT / "dvc.yaml").read_text())
PATHS = PROJECT["vars"][0]["path"]
STAGES = PROJECT["stages"]

# Code on which no value depends: an edit of a message, or of what is shown, retrains nothing.
CHECKS_ONLY = {
    "lradapt/errors.py",
    "lradapt/runtime/memory.py",
    "lradapt/config/params.py",
    "lradapt/cli/program_end.py",
    "lradapt/runtime/progress.py",
    "lradapt/runtime/progress_file.py",
    "lradapt/stages/__init__.py",
    "lradapt/runtime/termination.py",
    "lradapt/runtime/timings.py",
    "lradapt/config/yaml_schema.py",
    "lradapt/config/yaml_errors.py",
}


def imports(path):
    """(module, imported name or None) of every import, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((node.module, alias.name) for alias in node.names)


def code_file(module, name):
    """The file of ours that an import reads; None for other packages and bare packages."""
    for dotted in [f"{module}.{name}", module]:
        path = ROOT / (dotted.replace(".", "/") + ".py")
        if dotted.startswith(("lradapt", "benchmarks")) and path.exists():
            return path
    return None


def used_code(path, seen):
    """`path` and all of lradapt that it imports, directly or not, but by files that only check."""
    seen.add(path)
    if str(path.relative_to(ROOT)) in CHECKS_ONLY:
        return set()
    for module, name in imports(path):
        file = code_file(module, name)
        if file and file not in seen:
            used_code(file, seen)
    return {str(file.relative_to(ROOT)) for file in seen}


@pytest.mark.parametrize("layer", FORBIDDEN)
def test_layer_imports_point_down(layer):
    files = sorted((ROOT / layer).rglob("*.py"))
    assert files, f"{layer}/ is empty: this test would pass on nothing"
    wrong = {
        (str(path.relative_to(ROOT)), module.partition(".")[0])
        for path in files
        for module, _ in imports(path)
        if module.partition(".")[0] in FORBIDDEN[layer]
    }
    assert wrong <= ALLOWED


def test_dvc_is_touched_in_one_module():
    files = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "tasks").rglob("*.py")
        if any(module.partition(".")[0] == "dvc" for module, _ in imports(path))
    ]
    assert files == ["tasks/pipeline/dvc_index.py"]


def test_each_stage_of_dvc_yaml_is_a_file_of_stages_and_the_reverse():
    files = {path.stem for path in (ROOT / "lradapt/stages").glob("*.py")}
    assert set(NAMES) == set(STAGES) < files


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_names_exactly_the_code_that_it_uses(stage):
    listed = {dep for dep in STAGES[stage]["deps"] if dep.startswith("lradapt/")}
    used = used_code(ROOT / f"lradapt/stages/{stage}.py", set()) - CHECKS_ONLY
    assert listed == used


@pytest.mark.parametrize("stage", ["run", "tables"])
def test_a_stage_of_the_comparison_names_exactly_the_code_that_it_uses(stage):
    definition = yaml.safe_load((ROOT / "benchmarks/dvc.yaml").read_text())["stages"][stage]
    program = definition["cmd"].split()[2].replace(".", "/") + ".py"
    listed = {dep for dep in definition["deps"] if dep.endswith(".py")}
    assert listed == used_code(ROOT / program, set()) - CHECKS_ONLY


@pytest.mark.parametrize(
    "module", ["inference/predict", "serving/live_model", "serving/server", "production/smoke_test"]
)
def test_the_use_of_a_model_imports_no_torch(module):
    seen = set()
    used_code(ROOT / f"lradapt/{module}.py", seen)
    assert ROOT / "lradapt/data/images/decode.py" in seen, "the imports were not followed"
    imported = {name.partition(".")[0] for path in seen for name, _ in imports(path)}
    assert not {"torch", "torchvision", "pandas", "scipy", "sklearn", "onnx"} & imported


def test_flows_and_tasks_name_no_stage_and_no_path():
    known = set(STAGES) | set(PATHS.values())
    trees = [
        (str(path.relative_to(ROOT)), ast.parse(path.read_text()))
        for layer in ("flows", "tasks")
        for path in (ROOT / layer).rglob("*.py")
    ]
    spoken = {
        (name, node.value)
        for name, tree in trees
        for node in set(ast.walk(tree))
        if isinstance(node, ast.Constant) and node.value in known
    }
    assert spoken == set()


def test_every_path_is_made_or_read_by_a_stage_or_is_an_effect():
    text = (ROOT / "dvc.yaml").read_text()
    unused = [name for name in PATHS if f"${{path.{name}}}" not in text]
    assert unused == ["timings", "report"]
