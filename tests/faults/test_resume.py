"""A training that is killed anywhere: the next process goes on, and ends with the same bytes."""

import importlib
import json
import logging
import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest
import yaml

from lradapt.config import paths as layout
from lradapt.runtime.files import read_json, sha256_of
from tests.faults.test_full_disk import disk, fill  # noqa: F401  # a fixture
from tests.projects import PROGRAMS, ROOT, SMALL, draw, stages_before
from tests.waiting import wait_for

pytestmark = pytest.mark.slow

PROJECT = yaml.safe_load((ROOT / "dvc.yaml").read_text())
PATHS = layout.read_paths(ROOT / "dvc.yaml").as_dict()
NUM_KILLS = 10
QUICK_KILL = 1  # of `finetune`; the others are left to `make test-all`
NUM_STEPS = {"train_head": 18, "finetune": 9}  # 45 images in batches of 8 and 16, three epochs
OUTPUTS = {
    "train_head": ("head", "head_steps", "head_epochs"),
    "finetune": ("model", "model_choice", "validation_logits", "model_steps", "model_epochs"),
}
EACH_STEP, NEVER = 1e-9, 1000.0
HARMS = ("flip", "remove", "foreign")
NETWORK = {
    "architecture": "mobilenet_v3_small",  # of few weights, and with dropout
    "layers": {
        "head": "classifier.3",
        "early": r"^features\.[0-5]\.",
        "late": r"^features|^classifier\.0",
    },
    "reads": "last",
}


def options(stage):
    words = re.findall(r"--([\w-]+) \$\{path\.(\w+)\}", PROJECT["stages"][stage]["cmd"])
    return {option.replace("-", "_"): PATHS[path] for option, path in words}


def run_stage(folder, stage, every_seconds, kill_before, threads=1):
    """In a child: run a stage; kill it in the step with that number of its own, if one is given."""
    os.chdir(folder)
    values = yaml.safe_load(Path("params.yaml").read_text())
    values["checkpoint"]["every_seconds"] = every_seconds
    values["engine"]["threads"] = threads
    Path("params.yaml").write_text(yaml.safe_dump(values))
    logging.basicConfig(filename="output.txt", level=logging.INFO, force=True)
    module = importlib.import_module(f"lradapt.stages.{stage}")
    if kill_before is not None:
        import torch

        numbers, own = count(), torch.optim.SGD.zero_grad

        def killing(self, *words, **settings):
            if next(numbers) == kill_before:
                os.kill(os.getpid(), signal.SIGKILL)
            return own(self, *words, **settings)

        torch.optim.SGD.zero_grad = killing
    module.main(**options(stage))


@pytest.fixture(scope="module")
def processes():
    """Children that start fast, with torch imported."""
    context = multiprocessing.get_context("forkserver")
    stages = [f"lradapt.stages.{stage}" for stage in ("train_head", "finetune")]
    context.set_forkserver_preload([*stages, "torchvision", "torch._dynamo"])
    return context


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder in which both trainings have run undisturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    for section, changes in SMALL.items():
        values[section] |= changes
    values["body_rates"]["source"] = "given"
    values["model"] = NETWORK
    values["checkpoint"]["every_seconds"] = NEVER
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    shutil.copy(ROOT / "dvc.yaml", folder)  # its entries of the stages say what a checkpoint needs
    draw(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        from lradapt.config.params import load_params
        from lradapt.networks.backbone import import_backbone
        from lradapt.networks.champion import ensure_file

        import_backbone("none", load_params().model.network, PATHS["backbone"])
        ensure_file(PATHS["champion"])
        for stage in (*stages_before("finetune"), "finetune"):
            importlib.import_module(f"lradapt.stages.{stage}").main(**options(stage))
    assert not (folder / PATHS["checkpoints"]).exists()
    return folder


@pytest.fixture
def project(finished, tmp_path):
    """A copy of it without results of the two trainings."""
    folder = tmp_path / "project"
    shutil.copytree(finished, folder)
    for name in OUTPUTS["finetune"]:
        (folder / PATHS[name]).unlink()
    return folder


@pytest.fixture
def train(processes, project):
    """A function: run a training in a child; its exit code and what it logged."""

    def call(stage, *, every_seconds=EACH_STEP, kill_before=None, threads=1):
        (project / "output.txt").unlink(missing_ok=True)
        words = (project, stage, every_seconds, kill_before, threads)
        child = processes.Process(target=run_stage, args=words)
        child.start()
        child.join(timeout=120)
        output = project / "output.txt"
        return child.exitcode, output.read_text() if output.exists() else ""

    return call


def hashes(folder, stage):
    return {name: sha256_of(folder / PATHS[name]) for name in OUTPUTS[stage]}


def left(folder, stage):
    """The number of the step that the checkpoint is of; None without one."""
    found = list((folder / PATHS["checkpoints"] / stage).glob("*/step-*.safetensors"))
    assert len(found) <= 1
    return int(found[0].stem.removeprefix("step-")) if found else None


def kills():
    """Ten random kills: the stage, the step, and how often a checkpoint is made."""
    draws = random.Random(0)
    for number in range(NUM_KILLS):
        stage = ("train_head", "finetune")[number % 2]
        every = draws.choice([EACH_STEP, EACH_STEP, 0.02, NEVER])
        step = draws.randrange(1, NUM_STEPS[stage])
        marks = [] if number == QUICK_KILL else [pytest.mark.long]
        yield pytest.param(stage, step, every, id=f"kill{number}", marks=marks)


@pytest.mark.parametrize(("stage", "step", "every_seconds"), [*kills()])
def test_killed_at_a_random_step_it_ends_with_the_bytes_of_an_undisturbed_run(
    project, finished, train, stage, step, every_seconds
):
    code, _ = train(stage, every_seconds=every_seconds, kill_before=step)
    assert code == -signal.SIGKILL
    previous = left(project, stage)
    if every_seconds == EACH_STEP:
        assert previous == step
    code, output = train(stage, every_seconds=every_seconds)
    assert code == 0
    assert (f"resuming after step {previous}," in output) == (previous is not None)
    assert hashes(project, stage) == hashes(finished, stage)


@pytest.mark.long
def test_killed_at_every_step_in_turn_it_still_ends_with_the_same_bytes(project, finished, train):
    for number in range(1, NUM_STEPS["finetune"]):
        code, _ = train("finetune", kill_before=1)  # one step further each time
        assert (code, left(project, "finetune")) == (-signal.SIGKILL, number)
    assert train("finetune")[0] == 0
    assert hashes(project, "finetune") == hashes(finished, "finetune")


@pytest.mark.long
def test_two_threads_go_on_to_the_bytes_of_two_threads(project, train):
    values = yaml.safe_load((project / "params.yaml").read_text())
    values["finetune"]["num_cycles"] = 1  # two threads on a busy machine are slow
    (project / "params.yaml").write_text(yaml.safe_dump(values))
    assert train("finetune", threads=2, every_seconds=NEVER)[0] == 0
    undisturbed = hashes(project, "finetune")
    assert train("finetune", threads=2, kill_before=2)[0] == -signal.SIGKILL
    assert train("finetune", threads=1, kill_before=1)[0] == -signal.SIGKILL  # another training
    code, output = train("finetune", threads=2)
    assert code == 0
    assert "resuming after step 2," in output
    assert hashes(project, "finetune") == undisturbed


def test_after_its_last_step_a_killed_stage_does_no_step_again(project, finished, train):
    """As when DVC dies before it has recorded the results, and removes them the next time."""
    assert train("finetune")[0] == 0
    for name in OUTPUTS["finetune"]:
        (project / PATHS[name]).unlink()
    assert train("finetune", kill_before=0)[0] == 0
    assert hashes(project, "finetune") == hashes(finished, "finetune")


@pytest.mark.parametrize(
    "harm", ["cut", *(pytest.param(harm, marks=pytest.mark.long) for harm in HARMS)]
)
def test_a_damaged_checkpoint_is_reported_once_and_the_training_starts_again(
    project, finished, train, harm
):
    train("finetune", kill_before=6)
    (note,) = (project / PATHS["checkpoints"]).glob("finetune/*/checkpoint.json")
    (state,) = note.parent.glob("step-*.safetensors")
    content = state.read_bytes()
    if harm == "cut":
        state.write_bytes(content[: len(content) // 2])
    if harm == "flip":
        state.write_bytes(content[:-1000] + bytes([content[-1000] ^ 1]) + content[-999:])
    if harm == "remove":
        state.unlink()
    if harm == "foreign":
        note.write_text(note.read_text().replace(read_json(note)["key"], "0" * 64))
    code, output = train("finetune", every_seconds=NEVER)
    assert code == 0
    printed = [line for line in output.splitlines() if line.startswith("WARNING")]
    assert len(printed) == 1
    assert "is damaged; the training starts from the beginning (" in printed[0]
    assert "resuming after step" not in output
    assert hashes(project, "finetune") == hashes(finished, "finetune")


def test_a_full_disk_leaves_the_previous_checkpoint_and_stops_no_training(
    project,
    finished,
    train,
    disk,  # noqa: F811
):
    shutil.rmtree(project / PATHS["checkpoints"], ignore_errors=True)
    (project / PATHS["checkpoints"]).symlink_to(disk)
    assert train("train_head", kill_before=5)[0] == -signal.SIGKILL
    assert left(project, "train_head") == 5
    fill(disk, 0)
    assert train("train_head", kill_before=3)[0] == -signal.SIGKILL
    assert left(project, "train_head") == 5
    code, output = train("train_head")
    assert code == 0
    assert "resuming after step 5," in output
    printed = [line for line in output.splitlines() if line.startswith("WARNING")]
    assert len(printed) == 1
    assert "no checkpoint of step 6 in build/.checkpoints/train_head/" in printed[0]
    assert printed[0].endswith(
        "(the disk is full); the previous checkpoint is kept, and the training continues"
    )
    assert left(project, "train_head") == 5
    assert hashes(project, "train_head") == hashes(finished, "train_head")


# The program itself


def command(stage):
    words = [word for name, path in options(stage).items() for word in (f"--{name}", str(path))]
    timings = ("--timings", "reports/timings.json")
    return [sys.executable, "-m", "lradapt", "stage", *timings, stage, *words]


def long_training(project):
    """Change the params: a training of minutes, with a checkpoint after each step."""
    values = yaml.safe_load((project / "params.yaml").read_text())
    values["finetune"]["num_cycles"] = 8
    values["checkpoint"]["every_seconds"] = EACH_STEP
    (project / "params.yaml").write_text(yaml.safe_dump(values))


def wait_for_a_checkpoint(project):
    folder = project / PATHS["checkpoints"]
    wait_for(lambda: list(folder.glob("finetune/*/checkpoint.json")))


@pytest.fixture
def environment(monkeypatch):
    monkeypatch.setitem(PROGRAMS, "PYTHONPATH", str(ROOT))
    return PROGRAMS


def test_sigterm_ends_it_after_the_step_with_a_checkpoint_and_a_line(project, environment):
    long_training(project)
    (project / "params.yaml").write_text(
        (project / "params.yaml").read_text().replace("1.0e-09", "1000.0")
    )
    with subprocess.Popen(
        command("finetune"), cwd=project, env=environment, stderr=subprocess.PIPE, text=True
    ) as child:
        for line in child.stderr:
            if "epoch 1" in line:
                break
        asked = time.monotonic()
        child.send_signal(signal.SIGTERM)
        output = child.communicate(timeout=120)[1]
    assert time.monotonic() - asked < 30  # minutes, without the signal
    assert child.returncode == 143
    step = left(project, "finetune")
    assert step >= 3
    ended = f"error: ended by SIGTERM; the next run resumes after step {step}\n"
    assert output.endswith(ended)
    assert "Traceback" not in output
    assert not (project / PATHS["model"]).exists()


@pytest.mark.long
def test_it_ends_with_a_checkpoint_when_its_parent_is_killed(project, environment):
    long_training(project)
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen(sys.argv[1:])\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, *command("finetune")],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        pid = int(parent.stdout.readline())
        wait_for_a_checkpoint(project)
        parent.kill()
    words = Path(f"/proc/{pid}/cmdline")
    wait_for(lambda: not words.exists() or not words.read_bytes(), seconds=60)
    assert left(project, "finetune") >= 1


@pytest.mark.long
def test_the_seconds_of_a_resumed_stage_are_those_of_all_its_processes(project, environment, train):
    code, _ = train("finetune", kill_before=6)
    assert code == -signal.SIGKILL
    (note,) = (project / PATHS["checkpoints"]).glob("finetune/*/checkpoint.json")
    changed = read_json(note)
    changed["spent"] = {"seconds": 5000.0, "cpu_seconds": 7000.0}
    note.write_text(json.dumps(changed))
    subprocess.run(command("finetune"), cwd=project, env=environment, check=True)
    noted = read_json(project / "reports/timings.json")["finetune"]
    assert 5000 < noted["seconds"] < 5100
    assert 7000 < noted["cpu_seconds"] < 7100
