"""Stage `finetune` in two processes, as `dvc repro` starts it and as `torchrun` does."""

import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from lradapt.config import paths as layout
from lradapt.networks.architectures import ARCHITECTURES
from lradapt.networks.backbone import import_backbone
from lradapt.networks.champion import ensure_file
from lradapt.runtime.files import read_json, sha256_of
from tests.projects import PROGRAMS, ROOT, SMALL, draw, stages_before
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.long]

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
PATHS = layout.read_paths(ROOT / "dvc.yaml").as_dict()
OUTPUTS = ("model", "model_choice", "validation_logits", "model_steps", "model_epochs")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
LONG = {"num_cycles": 8}


def options(stage):
    words = re.findall(r"--([\w-]+) \$\{path\.(\w+)\}", STAGES[stage]["cmd"])
    return {option: PATHS[path] for option, path in words}


def change(folder, section, **changes):
    values = yaml.safe_load((folder / "params.yaml").read_text())
    values[section] |= changes
    (folder / "params.yaml").write_text(yaml.safe_dump(values))


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A folder in which every stage before it has run; 45 images to train on, 15 a batch."""
    folder = tmp_path_factory.mktemp("ready")
    shutil.copy(ROOT / "params.yaml", folder)
    shutil.copy(ROOT / "dvc.yaml", folder)
    for section, changes in SMALL.items():
        change(folder, section, **changes)
    change(folder, "data", input_size=32)
    change(folder, "finetune", batch_size=16, processes=2)
    change(folder, "body_rates", source="given", rates=[3e-4, 1e-3, 3e-3])
    draw(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        import_backbone("none", ARCHITECTURES["resnet18"], PATHS["backbone"])
        ensure_file(PATHS["champion"])
        for stage in stages_before("finetune"):
            words = {name.replace("-", "_"): path for name, path in options(stage).items()}
            importlib.import_module(f"lradapt.stages.{stage}").main(**words)
    return folder


@pytest.fixture
def project(ready, tmp_path):
    return shutil.copytree(ready, tmp_path / "project")


def command(launcher=()):
    words = [word for name, path in options("finetune").items() for word in (f"--{name}", path)]
    stage = ("-m", "lradapt", "stage", "--timings", "timings.json", "finetune")
    return [sys.executable, *launcher, *stage, *map(str, words)]


def start(folder, launcher=()):
    return subprocess.Popen(
        command(launcher),
        cwd=folder,
        env={**PROGRAMS, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def train(folder, launcher=()):
    """Run the stage to its end; its output."""
    child = start(folder, launcher)
    output, _ = child.communicate(timeout=300)
    assert child.returncode == 0, output
    return output


@pytest.fixture(scope="module")
def pair(ready, tmp_path_factory):
    """A folder in which two processes have run it, and the output."""
    folder = shutil.copytree(ready, tmp_path_factory.mktemp("pair") / "project")
    return folder, train(folder)


def table(folder, name):
    return pd.read_csv(folder / PATHS[name])


def test_the_first_says_all_and_the_files_are_whole(pair):
    folder, output = pair
    assert output.count("INFO: 2 processes share each batch") == 1
    assert re.findall(r"epoch (\d): loss", output) == ["1", "2", "3"]
    assert [line for line in output.splitlines() if not line.startswith("INFO: ")] == []
    assert all((folder / PATHS[name]).is_file() for name in OUTPUTS)
    assert read_json(folder / "timings.json").keys() == {"finetune"}


def test_one_process_trains_the_same_but_for_rounding(pair, project):
    """Sums in another order differ in the last bits, and steps of so few images let that grow."""
    change(project, "finetune", processes=1)
    train(project)
    folder, _ = pair
    steps, alone = table(folder, "model_steps"), table(project, "model_steps")
    rates = [name for name in steps if name.startswith("lr_")]
    assert steps[rates].equals(alone[rates])
    assert steps["loss"][:3].tolist() == pytest.approx(alone["loss"][:3].tolist(), rel=1e-4)
    assert steps["loss"].tolist() == pytest.approx(alone["loss"].tolist(), rel=0.05)
    one, other = (np.load(place / PATHS["validation_logits"]) for place in (folder, project))
    assert np.abs(one - other).max() < 0.2


def test_started_by_torchrun_they_write_the_same_bytes(pair, project):
    train(project, TORCHRUN)
    folder, _ = pair
    for name in OUTPUTS:
        assert sha256_of(project / PATHS[name]) == sha256_of(folder / PATHS[name]), name


def under_way(folder, child):
    """The process that it has started, once both have taken a step."""
    wait_for(lambda: [*(folder / PATHS["checkpoints"]).glob("finetune/*/checkpoint.json")])
    (other,) = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
    return int(other)


def ended(pid):
    return not Path(f"/proc/{pid}").exists()


def errors(output):
    return [line for line in output.splitlines() if not line.startswith("INFO: ")]


def test_kill_9_of_one_ends_the_other_which_says_what_happened(project):
    change(project, "finetune", **LONG)
    change(project, "checkpoint", every_seconds=1e-9)
    child = start(project)
    other = under_way(project, child)
    os.kill(other, signal.SIGKILL)
    output, _ = child.communicate(timeout=120)
    assert child.returncode == 1
    (error,) = errors(output)
    assert error.startswith("error: process 2 of 2 was ended by SIGKILL, as the system does when ")
    assert error.endswith("; the next run resumes from its last checkpoint")
    assert not (project / PATHS["model"]).exists()


def test_kill_9_of_the_first_ends_the_other_and_the_next_run_goes_on(project):
    change(project, "checkpoint", every_seconds=1e-9)
    child = start(project)
    other = under_way(project, child)
    child.kill()
    wait_for(lambda: ended(other), seconds=60)
    child.communicate()
    assert "resuming after step" in train(project)
    assert len(table(project, "model_steps")) == 9


def test_sigterm_to_all_of_the_stage_ends_it_with_a_checkpoint(project):
    change(project, "finetune", **LONG)
    change(project, "checkpoint", every_seconds=1e-9)
    child = start(project)
    other = under_way(project, child)
    for pid in (other, child.pid):
        os.kill(pid, signal.SIGTERM)
    output, _ = child.communicate(timeout=120)
    assert child.returncode == 128 + signal.SIGTERM
    (error,) = errors(output)
    assert re.fullmatch(r"error: ended by SIGTERM; the next run resumes after step \d+", error)
    wait_for(lambda: ended(other))


def test_an_error_of_both_is_reported_once(project):
    change(project, "body_rates", rates=[1e9, 1e9, 1e9])
    shutil.rmtree(project / PATHS["body_lr"].parent)
    (project / PATHS["body_lr"].parent).mkdir()
    (project / PATHS["body_lr"]).write_text('{"rates": {"early": 1e9, "late": 1e9, "head": 1e9}}')
    child = start(project)
    output, _ = child.communicate(timeout=120)
    assert child.returncode == 1
    (error,) = [line for line in output.splitlines() if line.startswith("error: ")]
    assert "nan" in error
    assert "Traceback" not in output
