"""`dvc.yaml` agrees with the code. The layers of imports are contracts in pyproject.toml."""

import ast
from pathlib import Path

import yaml

from lradapt.stages import NAMES

ROOT = Path(__file__).parent.parent
PROJECT = yaml.safe_load((ROOT / "dvc.yaml").read_text())
PATHS = PROJECT["vars"][0]["path"]
STAGES = PROJECT["stages"]
CODE = "code"
"""The stage that writes which code the others use."""


def test_each_stage_of_dvc_yaml_is_a_module_and_the_reverse():
    assert {CODE, *NAMES} == set(STAGES)
    assert all((ROOT / f"lradapt/stages/{name}.py").is_file() for name in NAMES)


def test_no_stage_lists_source_files():
    for project_file in ("dvc.yaml", "benchmarks/dvc.yaml"):
        stages = yaml.safe_load((ROOT / project_file).read_text())["stages"]
        assert not [
            dep for stage in stages.values() for dep in stage.get("deps", []) if ".py" in dep
        ]


def test_flows_and_tasks_name_no_stage_and_no_path():
    known = set(STAGES) - {CODE} | set(PATHS.values())
    trees = [
        (str(path.relative_to(ROOT)), ast.parse(path.read_text()))
        for layer in ("flows", "tasks")
        for path in (ROOT / layer).rglob("*.py")
    ]
    spoken = {
        (name, node.value)
        for name, tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in known
    }
    assert spoken == set()


def test_every_path_is_made_or_read_by_a_stage_or_is_an_effect():
    text = (ROOT / "dvc.yaml").read_text()
    unused = [name for name in PATHS if f"${{path.{name}}}" not in text]
    assert unused == ["timings", "report"]
