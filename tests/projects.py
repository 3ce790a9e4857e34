"""Projects for tests: commands run in a folder, copies of what is made once, small pictures."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

ROOT = Path(__file__).parents[1]
PROGRAMS = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "OMP_NUM_THREADS": "1",
    "DVC_NO_ANALYTICS": "1",
}


def run(folder, *command, check=True, environment=PROGRAMS):
    """Run a command in `folder`; stdout and stderr together."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert not check or done.returncode == 0, f"{' '.join(command)} ended with:\n{done.stdout}"
    return done


def dvc(folder, *words, check=True):
    """Run DVC in `folder`."""
    return run(folder, sys.executable, "-m", "dvc", *words, check=check)


def stages_before(stage):
    """Return the training stages that dvc.yaml has before this one, in its order."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    names = [name for name, entry in stages.items() if entry["cmd"].startswith("${run} ")]
    return names[: names.index(stage)]


def stages_run(output):
    """The stages that the output of a flow or of `dvc repro` says it runs."""
    return re.findall(r"Running stage '(\w+)'", output)


SMALL = {
    "data": {"input_size": 16},
    "engine": {"device": "cpu", "threads": 1},
    "find_lr": {"num_steps": 30, "num_sweeps": 2},
    "find_body_lr": {"num_steps": 20, "num_sweeps": 1},
    "body_rates": {"source": "found_or_given"},
    "checkpoint": {"every_seconds": 3600.0},
    "train_head": {"batch_size": 8, "max_epochs": 3},
    "finetune": {"batch_size": 16, "num_cycles": 2},
}
"""Changes of params.yaml with which the whole graph takes half a minute."""


def draw(folder, count=60):
    """Discs of three colours on noise: easy, but not for a network that has learnt nothing."""
    random = np.random.default_rng(0)
    lines = ["image,label"]
    y, x = np.mgrid[:20, :20]
    for number in range(count):
        label = number % 3
        pixels = random.integers(0, 120, (20, 20, 3))
        disc = (x - random.integers(7, 13)) ** 2 + (y - random.integers(7, 13)) ** 2 < 30
        pixels[disc, label] += 120
        name = f"{'rgb'[label]}/{number:02d}.png"
        (folder / "data/images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / "data/images" / name)
        lines.append(f"{name},{'rgb'[label]}")
    (folder / "data/labels.csv").write_text("\n".join(lines) + "\n")
