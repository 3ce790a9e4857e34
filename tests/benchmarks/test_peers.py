"""The bench beside other programs: its clock, its order, its table; and our own part of it."""

import json
import sys
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import save_file

import benchmarks.peers.__main__ as bench
from benchmarks.markers import between_markers
from benchmarks.peers.inputs import make_inputs, read_given
from benchmarks.peers.loader import clean_loader, loader
from benchmarks.peers.measurement import Measurement, read_lines
from benchmarks.peers.networks import in_precision, load_in_order, two_parts
from benchmarks.peers.one import measure
from benchmarks.peers.programs import PROGRAMS, programs_of
from benchmarks.peers.recipe import PROGRAMS as RECIPE_PROGRAMS
from benchmarks.peers.recipe import TARGET_ACCURACY
from benchmarks.peers.recipe import table as recipe_table
from benchmarks.peers.table import machine_text, table
from benchmarks.peers.work import QUICK, WORKS, Work
from lradapt.compute.engine import start_engine
from lradapt.errors import LradaptError
from lradapt.networks.architectures import ARCHITECTURES
from lradapt.networks.classifier import body_weights, build, build_body
from lradapt.runtime.files import read_json, write_json
from tests.projects import ROOT, draw, run
from tests.unit.small_examples import batch

CHEAP = Work("classify", "resnet18", 32, "fp32", 64, 1)
DEAR = Work("head", "densenet161", 64, "bf16", 64, 10)

PLACE = "<!-- bench: begin -->\n<!-- bench: end -->\n"


def measurement(program, repeat, seconds, *, work="w", load=1.0):
    """One whose CPU seconds are half of its wall seconds, with 100 images."""
    return Measurement(work, program, repeat, seconds, seconds / 2, 100, load)


def order(seconds_of, monkeypatch, *, budget, repeats):
    """What runs where each work's programs together take so many seconds."""
    monkeypatch.setattr(bench, "programs_of", lambda work: ["ours", "theirs"])
    past = []
    turns = bench.rounds(
        list(seconds_of), repeats=repeats, budget_seconds=budget, clock=lambda: 7 + sum(past)
    )
    found = []
    for work, program, repeat in turns:
        past.append(seconds_of[work] / 2)
        found.append(f"{'cheap' if work is CHEAP else 'dear'} {program} {repeat}")
    return found


def test_programs_take_turns_and_a_work_is_repeated_only_where_it_still_fits(monkeypatch):
    once = ["cheap ours 0", "cheap theirs 0", "dear ours 0", "dear theirs 0"]
    works = {CHEAP: 10, DEAR: 100}
    assert order(works, monkeypatch, budget=0, repeats=4) == once
    assert order(works, monkeypatch, budget=150, repeats=4) == [
        *once,
        *("cheap ours 1", "cheap theirs 1"),
        *("cheap ours 2", "cheap theirs 2"),
        *("cheap ours 3", "cheap theirs 3"),
    ]


def test_the_table_pairs_each_program_with_ours_of_the_same_repeat():
    found = [
        *(measurement("lradapt", 0, 1.0), measurement("theirs", 0, 4.0)),
        *(measurement("lradapt", 1, 3.0), measurement("theirs", 1, 6.0)),
        *(measurement("lradapt", 0, 2.0, work="v"), measurement("theirs", 1, 1.0, work="v")),
    ]
    assert table(found).splitlines() == [
        "| work | program | repeats | s | CPU s | images a CPU s | times ours | in CPU s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        "| w | lradapt | 2 | 2.00 (1.00 to 3.00) | 1.00 (0.50 to 1.50) | 133 (67 to 200) "
        "| 1.00 (1.00 to 1.00) | 1.00 (1.00 to 1.00) |",
        "| w | theirs | 2 | 5.00 (4.00 to 6.00) | 2.50 (2.00 to 3.00) | 42 (33 to 50) "
        "| 3.00 (2.00 to 4.00) | 3.00 (2.00 to 4.00) |",
        "| v | lradapt | 1 | 2.00 | 1.00 | 100 | 1.00 | 1.00 |",
        "| v | theirs | 1 | 1.00 | 0.50 | 200 | - | - |",  # ours failed in that repeat
    ]


def test_the_machine_is_described_with_its_load_and_the_missing_packages():
    found = [measurement("ours", 0, 1.0, load=0.5), measurement("theirs", 0, 1.0, load=3.25)]
    text = machine_text(found, threads=2, left_out=["fastai", "timm"])
    assert "2 thread(s); load average 0.5 to 3.2" in text
    assert f"torch {torch.__version__.partition('+')[0]}" in text
    assert text.endswith("Left out, since they are not installed: fastai, timm.")


def test_the_measurements_have_a_place_for_the_table():
    page = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
    assert between_markers(page, "x", bench.MARKER)


def test_how_much_is_to_do_counts_steps_or_images():
    head = Work("head", "resnet34", 64, "bf16", 64, 10)
    steps = Work("steps", "resnet34", 64, "bf16", 32, 8, 1024, 2)
    assert (head.to_do, head.counted_images) == (10 * 16, 10_000)
    assert (steps.to_do, steps.counted_images) == (8, 256)
    assert (CHEAP.to_do, CHEAP.counted_images) == (1000, 1000)
    assert len({work.name for work in (*WORKS, *QUICK)}) == len(WORKS) + len(QUICK)


@pytest.mark.parametrize("work", [*WORKS, *QUICK], ids=lambda work: work.name)
def test_a_fine_tuning_step_sees_whole_batches_and_one_epoch_is_enough(work):
    if work.kind == "steps":
        assert work.num_images % work.batch_size == 0
        assert (work.warm_steps + work.count) * work.batch_size <= work.num_images
        assert work.warm_steps >= 1


def test_a_program_whose_package_is_missing_is_left_out(monkeypatch):
    import benchmarks.peers.programs as module

    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "fastai" else object())
    names = programs_of(CHEAP) + programs_of(DEAR)
    assert names[0] == "lradapt, exported model"
    assert "Lightning BackboneFinetuning" in names
    assert not [name for name in names if "fastai" in name]
    assert module.left_out() == ["fastai"]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """The little work's inputs, but for the export, which takes seconds."""
    folder = tmp_path_factory.mktemp("inputs")
    make_inputs([work for work in QUICK if work.kind != "classify"], folder)
    return folder


def given(inputs, kind):
    work = next(work for work in QUICK if work.kind == kind)
    engine = start_engine(device="cpu", precision="fp32", threads=1)
    return read_given(work, inputs, engine)


def test_the_loaders_give_every_image_once_as_we_give_it(inputs):
    examples = given(inputs, "head").examples
    images, labels = map(torch.cat, zip(*clean_loader(examples, 48), strict=True))
    ours, our_labels = batch(examples, torch.arange(64), None)
    assert torch.equal(images, ours)
    assert torch.equal(labels, our_labels)
    shuffled = [batch for _, batch in loader(examples, 48)]
    assert [len(batch) for batch in shuffled] == [48, 16]
    assert torch.equal(torch.cat(shuffled).sort().values, our_labels.sort().values)


def test_a_frozen_body_stays_frozen_and_an_open_one_does_not(inputs):
    images, _ = batch(given(inputs, "head").examples, torch.arange(8), None)
    for frozen in (True, False):
        model = two_parts(given(inputs, "head"), frozen=frozen).train()
        before = {name: value.clone() for name, value in model.backbone.state_dict().items()}
        model(images).sum().backward()
        same = all(
            torch.equal(value, before[n]) for n, value in model.backbone.state_dict().items()
        )
        assert same is frozen
        assert (model.backbone.conv1.weight.grad is None) is frozen


def test_a_forward_pass_in_bf16_sees_the_weights_of_its_step(inputs):
    images, _ = batch(given(inputs, "head").examples, torch.arange(8), None)
    model = in_precision(two_parts(given(inputs, "head"), frozen=True), "bf16")
    before = model(images)
    assert before.dtype == torch.float32
    assert torch.equal(before, before.bfloat16().float())
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.fill_(3.0)
    assert torch.equal(model(images), torch.full_like(before, 3.0))


def test_weights_are_loaded_by_their_order_where_the_names_differ():
    body = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    weights = {f"stage.{name}": value + 1 for name, value in body.state_dict().items()}
    load_in_order(body, weights)
    for loaded, given in zip(body.state_dict().values(), weights.values(), strict=True):
        assert torch.equal(loaded, given)
    weights.popitem()
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        load_in_order(body, weights)


def test_fine_tune_keeps_the_statistics_of_batchnorm_only_where_asked():
    fastai_vision = pytest.importorskip("benchmarks.peers.fastai_vision", exc_type=ImportError)
    architecture = ARCHITECTURES["resnet18"]
    body = build_body(architecture, body_weights(architecture, build(architecture, 3).state_dict()))
    images = [(torch.rand(3, 32, 32), torch.tensor(number % 3)) for number in range(8)]
    for frozen in (True, False):
        loaders = [torch.utils.data.DataLoader(images, batch_size=4) for _ in range(2)]
        learner = fastai_vision.new_learner(
            architecture, body, loaders, 3, frozen_statistics=frozen
        )
        learner.unfreeze()
        learner.fit(1, lr=1e-3)
        mean = learner.model[0][1].running_mean
        assert torch.equal(mean, body.bn1.running_mean) is frozen
        assert not torch.equal(learner.model[0][0].weight, body.conv1.weight)


OURS = [
    (kind, name)
    for kind, group in PROGRAMS.items()
    for name, program in group.items()
    if program.package in ("lradapt", "torch") and kind != "classify"
]


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), OURS)
def test_a_program_without_a_peer_does_all_of_its_work(inputs, kind, name):
    work = given(inputs, kind).work
    found = measure(work, name, 2, inputs, threads=1)
    assert (found.work, found.program, found.repeat) == (work.name, name, 2)
    assert found.num_images == work.counted_images
    assert found.seconds > 0


def test_work_that_was_not_all_done_is_no_measurement(inputs, monkeypatch):
    import benchmarks.peers.one as module

    monkeypatch.setattr(module, "function_of", lambda work, name: lambda given, lap: 3)
    with pytest.raises(AssertionError, match="theirs did 3 of 2"):
        measure(given(inputs, "steps").work, "theirs", 0, inputs, threads=1)


@pytest.mark.long
@pytest.mark.slow
def test_a_measurement_runs_in_a_process_of_its_own_and_its_failure_is_reported(
    inputs, monkeypatch
):
    monkeypatch.chdir(ROOT)
    work = given(inputs, "sweep").work
    line = json.loads(bench.measure_in_process(work, "lradapt", 1, inputs, threads=1))
    assert (line["program"], line["repeat"]) == ("lradapt", 1)
    with pytest.raises(LradaptError, match=r"nobody(.|\n)*failed(.|\n)*KeyError: 'nobody'"):
        bench.measure_in_process(work, "nobody", 0, inputs, threads=1)


def test_a_failure_ends_the_bench_only_after_all_the_others(inputs, tmp_path, monkeypatch):
    def fails_for_one(work, program, repeat, folder, *, threads):
        if program.startswith("bare"):
            raise LradaptError(f"{program} failed: why")
        return json.dumps(asdict(measurement(program, repeat, 1.0, work=work.name)))

    work = given(inputs, "steps").work
    monkeypatch.setattr(bench, "QUICK", (work,))
    monkeypatch.setattr(bench, "programs_of", lambda work: ["lradapt", "bare loop", "timm"])
    monkeypatch.setattr(bench, "measure_in_process", fails_for_one)
    page = tmp_path / "page.md"
    page.write_text(PLACE)
    with pytest.raises(LradaptError, match=r"1 measurement\(s\) failed:\nbare loop failed: why"):
        bench.main(quick=True, repeats=1, folder=inputs, page=page)
    assert [each.program for each in read_lines(inputs / "lines.jsonl")] == ["lradapt", "timm"]
    assert f"| {work.name} | timm | 1 | 1.00 |" in page.read_text()


@pytest.mark.long
@pytest.mark.slow
def test_the_bench_of_small_works_fills_the_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n{PLACE}")
    program = [sys.executable, "-m", "benchmarks.peers", "--quick", "--repeats", "1"]
    program += ["--folder", str(tmp_path / "in"), "--page", str(page)]
    run(ROOT, *program)
    lines = page.read_text().splitlines()
    for work in QUICK:
        assert [line for line in lines if line.startswith(f"| {work.name} | lradapt")]
    found = read_lines(tmp_path / "in/lines.jsonl")
    assert [each.program for each in found] == [n for work in QUICK for n in programs_of(work)]


@pytest.mark.long
@pytest.mark.slow
def test_a_small_recipe_is_run_by_each_installed_program(tmp_path):
    draw(tmp_path)
    save_file(build(ARCHITECTURES["resnet18"], 3).state_dict(), tmp_path / "body.safetensors")
    small = {
        "data": {"input_size": 16},
        "find_lr": {"num_steps": 30, "num_sweeps": 2},
        "train_head": {"max_epochs": 2},
        "finetune": {"batch_size": 16, "num_cycles": 2},
        "body_rates": {"rates": [0.01, 0.01, 0.01]},
    }
    write_json(tmp_path / "changes.json", small)
    program = [sys.executable, "-m", "benchmarks.peers.recipe", str(tmp_path / "data/images")]
    for option, name in (
        ("weights", "body.safetensors"),
        ("folder", "in"),
        ("changes", "changes.json"),
    ):
        program += [f"--{option}", str(tmp_path / name)]
    output = run(ROOT, *program, "--seeds", "3").stdout
    assert "| lradapt | 1 | " in output
    found = read_json(tmp_path / "in/runs/3-0.json")
    assert (found["program"], found["seed"]) == ("lradapt", 3)
    assert [point["phase"] for point in found["points"]] == ["head"] * 2 + ["fine-tuning"] * 3


def recipe_run(program, seed, points):
    """A run whose epochs ended at (CPU seconds, accuracy); the wall took twice as long."""
    last = points[-1][0]
    return {
        "program": program,
        "seed": seed,
        "chosen_by": "test",
        "seconds": {"seconds": 2 * last, "cpu_seconds": last},
        "points": [
            {"at": {"cpu_seconds": at, "seconds": 2 * at}, "accuracy": a} for at, a in points
        ],
    }


def test_the_recipe_s_table_compares_the_runs_of_one_seed_at_the_target():
    ours, theirs = list(RECIPE_PROGRAMS)[:2]
    runs = [
        recipe_run(ours, 0, [(10, 0.5), (20, TARGET_ACCURACY), (40, 0.69)]),
        recipe_run(theirs, 0, [(50, 0.6), (60, 0.75), (80, 0.8)]),
        recipe_run(ours, 1, [(10, 0.5), (30, 0.72)]),
        recipe_run(theirs, 1, [(50, 0.6), (90, 0.65)]),
        recipe_run(theirs, 2, [(1, 0.9)]),  # ours is not there yet
    ]
    assert recipe_table(runs).splitlines()[2:] == [
        f"| {ours} | 2 | 71.0% (70.0% to 72.0%) | 70.5% (69.0% to 72.0%) | 70 (60 to 80) "
        "| 35 (30 to 40) | 25 (20 to 30) | 1.0 (1.0 to 1.0) | 1.0 (1.0 to 1.0) "
        "| 1.5 (1.0 to 2.0) |",
        f"| {theirs} | 2 | 72.5% (65.0% to 80.0%) | 72.5% (65.0% to 80.0%) | 170 (160 to 180) "
        "| 85 (80 to 90) | 60; never with 1 of 2 seeds | 3.0; never with 1 of 2 seeds "
        "| 2.5 (2.0 to 3.0) | 3.0; never with 1 of 2 seeds |",
    ]
