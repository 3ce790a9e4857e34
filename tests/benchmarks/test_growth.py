import hashlib
import time

import pytest
from PIL import Image

from benchmarks import growth, registry_growth
from benchmarks.growth import Cost, draw, make_project, measure, table
from lradapt.config.paths import read_paths
from lradapt.data.images.image_table import read_table
from lradapt.data.labels import read_labels
from lradapt.errors import DataError
from tests.projects import ROOT

PATHS = read_paths(ROOT / "dvc.yaml")


@pytest.fixture
def source(tmp_path, monkeypatch, random_image):
    """Three images of one class and two of another."""
    monkeypatch.chdir(ROOT)
    for seed, name in enumerate(["a/1.png", "a/2.png", "a/3.png", "b/1.png", "b/2.png"]):
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        random_image(seed).save(tmp_path / "source" / name)
    return tmp_path / "source"


def test_images_are_taken_from_each_class_in_turn(source, tmp_path):
    project = make_project(source, 3, tmp_path / "3", input_size=8)
    labels = [(label.image, label.label) for label in read_labels(project / PATHS.labels)]
    assert labels == [("a/1.png", "a"), ("a/2.png", "a"), ("b/1.png", "b")]
    assert (project / PATHS.images / "b/1.png").read_bytes() == (source / "b/1.png").read_bytes()


def test_beyond_the_images_that_there_are_their_mirrored_copies_follow(source, tmp_path):
    project = make_project(source, 10, tmp_path / "10", input_size=8)
    files = sorted((project / PATHS.images).rglob("*.png"))
    assert len(files) == len(read_labels(project / PATHS.labels)) == 10
    assert len({hashlib.sha256(Image.open(path).tobytes()).digest() for path in files}) == 10
    with Image.open(source / "a/2.png") as image:
        flipped = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert Image.open(project / PATHS.images / "a/2-mirrored.png").tobytes() == flipped.tobytes()


def test_in_the_version_before_every_twentieth_image_bore_another_label(source, tmp_path):
    project = make_project(source, 10, tmp_path / "10", input_size=8)
    now = {label.image: label.label for label in read_labels(project / PATHS.labels)}
    then = {label.image: label.label for label in read_labels(project / growth.PREVIOUS)}
    assert now.keys() == then.keys()
    assert [(image, then[image]) for image in now if now[image] != then[image]] == [
        ("a/1.png", "b")
    ]


def test_too_many_images_and_an_existing_folder_are_refused(source, tmp_path):
    with pytest.raises(DataError, match="holds 5 files: enough for 10"):
        make_project(source, 11, tmp_path / "11", input_size=8)
    make_project(source, 2, tmp_path / "2", input_size=8)
    with pytest.raises(DataError, match="2 exists, and its files would save work"):
        make_project(source, 2, tmp_path / "2", input_size=8)


@pytest.mark.long
@pytest.mark.slow
def test_the_stages_run_in_the_project_and_their_cost_is_measured(source, tmp_path):
    project = make_project(source, 10, tmp_path / "10", input_size=8)
    start = time.perf_counter()
    costs = [measure(project, stage, 10) for stage in growth.STEPS]
    wall = time.perf_counter() - start
    assert [(cost.stage, cost.num_images) for cost in costs] == [
        (step, 10) for step in growth.STEPS
    ]
    assert "1 relabelled" in (project / "changes.log").read_text()
    assert wall * 0.5 < sum(cost.seconds for cost in costs) <= wall
    assert all(0.1 < cost.cpu_seconds < 100 for cost in costs)
    assert all(20 < cost.peak_mebibytes < 500 for cost in costs)
    assert len(read_table(project / PATHS.table)) == 10
    assert len((project / PATHS.split).read_text().splitlines()) == 11


@pytest.mark.long
@pytest.mark.slow
def test_memory_is_that_of_all_processes_of_a_stage(tmp_path, monkeypatch):
    monkeypatch.setattr(
        growth.sys,
        "executable",
        _script(
            tmp_path / "python",
            "import subprocess, sys, time\n"
            "if 'stage' in sys.argv: subprocess.run([sys.executable, __file__])\n"
            "else: memory = b'x' * 200_000_000; time.sleep(1)\n",
        ),
    )
    assert 190 < measure(tmp_path, "ingest", 1).peak_mebibytes < 260


def _script(path, code):
    path.write_text(f"#!{growth.sys.executable}\n{code}")
    path.chmod(0o755)
    return str(path)


@pytest.mark.long
@pytest.mark.slow
def test_a_stage_that_fails_ends_the_program_with_its_output(source, tmp_path):
    project = make_project(source, 2, tmp_path / "2", input_size=8)
    with pytest.raises(RuntimeError, match=r"split of 2 images failed:\n(.|\n)*table"):
        measure(project, "split", 2)


COSTS = [Cost("ingest", 1000, 2.5, 2.0, 81.4), Cost("split", 1000, 0.7, 0.5, 1234.5)]


def test_the_table_has_a_line_for_each_size_and_stage():
    assert table(COSTS).splitlines()[2:] == [
        "| 1,000 | ingest | 2.5 | 2.0 | 500 | 81 |",
        "| 1,000 | split | 0.7 | 0.5 | 2,000 | 1,234 |",
    ]


@pytest.mark.long
@pytest.mark.slow
def test_the_figure_is_a_picture(tmp_path):
    draw(COSTS, [registry_growth.Cost("versions", 10, 0.01, 0.5)], tmp_path / "growth.png")
    with Image.open(tmp_path / "growth.png") as image:
        assert image.width > image.height > 200
