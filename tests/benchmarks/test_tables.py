"""Tables from runs made by hand, in figures that can be counted."""

import copy
from functools import partial

import numpy as np
import pandas as pd
import pytest

from benchmarks.tables import (
    GAINED,
    SPEED_UP,
    about,
    best_accuracy,
    by_test,
    figures,
    head_table,
    main,
    markdown,
    reached_at,
    speed_up,
    table_1,
    table_2,
    table_3,
    total_speed_up,
)
from lradapt.errors import LradaptError
from lradapt.plots.confusion import confusion_plot
from lradapt.plots.range_test import range_test_plot
from lradapt.plots.schedule import schedule_plot
from lradapt.runtime.files import read_json, write_json


def run(arm, seed, points, phases, *, legs=None, curves=None, rule="edge"):
    """A run whose epochs ended at `points`, (CPU seconds, accuracy) each; it waited as long."""
    total = sum(phases.values())
    made = {
        "arm": arm,
        "architecture": "resnet18",
        "seed": seed,
        "settings": {"rates": [0.01, 0.001], "patience_epochs": 5, "min_gain": 0.001},
        "seconds": {"seconds": 2 * total, "cpu_seconds": total},
        "phases": {n: {"seconds": 2 * s, "cpu_seconds": s} for n, s in phases.items()},
        "points": [
            {"phase": "x", "epoch": n, "at": {"seconds": 2 * s, "cpu_seconds": s}, "accuracy": a}
            for n, (s, a) in enumerate(points, start=1)
        ],
        "final": {
            "accuracy": points[-1][1] - 0.05,
            "balanced_accuracy": points[-1][1] - 0.1,
            "confusion": [[3, 1], [0, 2]],
            "images": 1120,
        },
        "chosen_by": "test",
        "classes": ["a", "b"],
        "images": {"train": 1600, "validation": 1120},
        "machine": {
            "device": "CPU",
            "clock": "cpu_seconds",
            "cores": 2,
            "threads": 1,
            "precision": "fp32",
            "torch": "2",
        },
    }
    return (
        made
        | ({"legs": legs} if legs else {})
        | (
            {
                "curves": curves,
                "rate": {"rate": 0.01},
                "rates_by_depth": {"head": 0.02},
                "rules": {"lr_curve": "edge", "body_lr_curve": rule},
            }
            if curves
            else {}
        )
    )


def conventional(seed, *, last=0.90):
    legs = [{"rate": 0.01, "accuracy": 0.8}, {"rate": 0.001, "accuracy": last}]
    points = [(100, 0.7), (200, 0.8), (300, last), (400, 0.85)]
    phases = {"preparation": 10, "rate 0.01": 190, "rate 0.001": 200}
    return run("conventional", seed, points, phases, legs=legs)


def scheme(seed, points, arm="paper"):
    return run(arm, seed, points, {"rate search": 1, "head": 4, "fine-tuning": 45})


REACHES = [(10, 0.6), (30, 0.91), (50, 0.95)]
NEARLY = [(10, 0.6), (40, 0.895)]
RUNS = [conventional(0), scheme(0, REACHES), conventional(1), scheme(1, NEARLY)]


def test_the_target_is_the_conventional_arm_s_best_and_the_first_epoch_to_reach_it_counts():
    slow, fast = RUNS[:2]
    assert best_accuracy(slow) == 0.90
    assert reached_at(slow, 0.90, "cpu_seconds") == 300
    assert reached_at(fast, 0.90, "cpu_seconds") == 30
    assert reached_at(fast, 0.90, "seconds") == 60
    assert speed_up(slow, fast) == 10


def test_an_arm_that_never_reaches_the_target_has_no_speed_up():
    slow, fast = RUNS[2:]
    assert speed_up(slow, fast) is None
    assert speed_up(slow, fast, below=0.01) == 300 / 40


def test_the_speed_up_by_total_is_that_of_all_seconds():
    assert total_speed_up(RUNS[0], RUNS[1]) == 8


def test_a_leg_that_the_target_left_out_is_told_in_its_cells():
    short = copy.deepcopy(conventional(1))
    del short["legs"][1], short["phases"]["rate 0.001"]
    for runs in ([conventional(0), short], [short, conventional(0)]):
        header, row = table_1(runs)
        cells = dict(zip(header, row, strict=True))
        assert cells["accuracy at 0.001"] == "90.00%; never with 1 of 2 seeds"
        assert cells["CPU s at 0.001"] == "200; never with 1 of 2 seeds"


def test_a_solved_head_that_equals_the_rounded_target_has_reached_it():
    slow = conventional(0, last=0.666667)
    slow["points"][1]["accuracy"] = 0.6
    slow["points"][3]["accuracy"] = 0.6
    slow["points"][0]["accuracy"] = 0.5
    assert speed_up(slow, scheme(0, [(10, 2 / 3)])) == 30


def on_gpu(made):
    return {**made, "machine": {**made["machine"], "clock": "seconds"}}


def test_the_tables_of_one_seed_are_these():
    slow, fast = conventional(0), scheme(0, REACHES)
    assert table_1([slow, fast]) == [
        [
            *("model", "accuracy at 0.01", "CPU s at 0.01", "accuracy at 0.001"),
            *("CPU s at 0.001", "total CPU s", "best", "CPU s to it", "balanced"),
        ],
        ["resnet18", "80.00%", "190", "90.00%", "200", "400", "90.00%", "300", "75.00%"],
    ]
    assert table_2([slow, fast]) == [
        [
            *("model", "arm", "rate search CPU s", "head CPU s", "fine-tuning CPU s"),
            *("total CPU s", "best", "CPU s to it", "balanced", "points gained"),
            *("speed-up to the same accuracy", "speed-up to 1 point below", "by total"),
        ],
        [
            *("resnet18", "paper", "1.0", "4.0", "45.0", "50"),
            *("95.00%", "50", "85.00%", "+5.0", "10.0", "10.0", "8.0"),
        ],
    ]
    assert table_3([slow, fast]) == [
        ["model", "conventional", "CPU s", "arm", "accuracy", "CPU s", "speed-up by total"],
        ["resnet18", "90.00%", "400", "paper", "95.00%", "50", "8.0"],
    ]


def test_on_a_gpu_the_wall_clock_counts():
    slow, fast = on_gpu(conventional(0)), copy.deepcopy(on_gpu(scheme(0, REACHES)))
    fast["points"][1]["at"]["seconds"] = 20
    assert table_1([slow, fast])[0][2] == "s at 0.01"
    header, row = table_2([slow, fast])
    assert header[2:6] == ["rate search s", "head s", "fine-tuning s", "total s"]
    assert row[2:] == [
        "2.0",
        "8.0",
        "90.0",
        "100",
        "95.00%",
        "100",
        "85.00%",
        "+5.0",
        "30.0",
        "30.0",
        "8.0",
    ]
    assert table_3([slow, fast])[1] == [
        "resnet18",
        "90.00%",
        "800",
        "paper",
        "95.00%",
        "100",
        "8.0",
    ]


def test_seconds_with_and_without_a_gpu_are_not_compared():
    with pytest.raises(LradaptError, match=r"with and without a GPU.* make the tables of each"):
        markdown([conventional(0), on_gpu(scheme(0, REACHES))])


def by_validation(made, *, kept_at):
    """`made`, whose weights the validation split chose, `kept_at` CPU seconds after the start."""
    number = {"train": 1600, "validation": 800, "test": 1120}
    return made | {"chosen_by": "validation", "kept_at": clocks(kept_at), "images": number}


def clocks(cpu_seconds):
    return {"seconds": 2 * cpu_seconds, "cpu_seconds": cpu_seconds}


def test_weights_that_the_validation_split_chose_are_compared_on_the_test_images():
    slow = by_validation(conventional(0), kept_at=300)  # 80 % on the test images
    fast = by_validation(scheme(0, REACHES), kept_at=40)  # 90 %
    cells = dict(zip(*table_1([slow, fast]), strict=True))
    names = ("accuracy", "CPU s to it", "balanced", "validation accuracy at 0.001")
    assert [cells[name] for name in names] == ["80.00%", "300", "75.00%", "90.00%"]
    header, row = table_2([slow, fast])
    assert header[6:10] == ["accuracy", "CPU s to it", "balanced", "points gained"]
    assert row[6:] == ["90.00%", "40", "85.00%", "+10.0", "7.5", "8.0"]
    assert table_3([slow, fast])[1] == ["resnet18", "80.00%", "400", "paper", "90.00%", "50", "8.0"]


def test_the_kept_weights_stop_the_clock_whatever_an_epoch_before_them_had():
    slow = by_validation(conventional(0), kept_at=300)
    fast = by_validation(scheme(0, [(5, 0.95), (40, 0.9)]), kept_at=40)
    cells = dict(zip(*table_2([slow, fast]), strict=True))
    assert (cells["accuracy"], cells["CPU s to it"]) == ("85.00%", "40")
    assert cells["speed-up to the same accuracy"] == "7.5"


def test_a_speed_up_to_one_point_below_needs_an_accuracy_at_each_epoch():
    titles = [
        table_2([change(conventional(0)), change(scheme(0, REACHES))])[0]
        for change in (lambda run: run, partial(by_validation, kept_at=40))
    ]
    assert ["speed-up to 1 point below" in each for each in titles] == [True, False]


def test_the_head_alone_has_a_table_of_its_own_whatever_was_kept():
    slow = by_validation(conventional(0), kept_at=300)  # 80 % on the test images
    fast = by_validation(scheme(0, REACHES), kept_at=40)
    head = {"at": clocks(5), "accuracy": 0.82, "balanced_accuracy": 0.7}
    weak = {"at": clocks(5), "accuracy": 0.79, "balanced_accuracy": 0.7}
    rows = head_table([slow, fast | {"head": head}, scheme(0, REACHES, "fastai")])
    assert rows == [
        ["model", "arm", "accuracy", "balanced", "CPU s to it", GAINED, SPEED_UP],
        ["resnet18", "paper", "82.00%", "70.00%", "5", "+2.0", "60.0"],
    ]
    assert head_table([slow, fast | {"head": weak}])[1][5:] == ["-1.0", "never"]
    assert "The head alone" in markdown([slow, fast | {"head": head}])
    assert "The head alone" not in markdown([slow, fast])


def test_a_loss_of_accuracy_stands_beside_the_speed_up_as_a_range_over_seeds():
    gained = by_validation(scheme(0, REACHES), kept_at=40)
    lost = by_validation(scheme(1, [(5, 0.83)]), kept_at=5)
    runs = [*(by_validation(conventional(seed), kept_at=300) for seed in (0, 1)), gained, lost]
    cells = dict(zip(*table_2(runs), strict=True))
    assert cells["points gained"] == "+4.0 (-2.0 to +10.0)"
    assert cells["speed-up to the same accuracy"] == "7.5; never with 1 of 2 seeds"


def test_a_run_that_the_tables_leave_out_is_named():
    runs = [conventional(0), scheme(0, REACHES), scheme(1, REACHES)]
    assert about(runs).endswith(
        " Not shown, without a conventional run: paper on resnet18, seed 1."
    )
    assert "Not shown" not in about(runs[:2])


def test_runs_without_a_conventional_one_are_refused():
    with pytest.raises(LradaptError, match=r"none of the runs is of conventional .* measure it"):
        markdown([scheme(0, REACHES)])


def test_the_page_says_what_chose_and_counts_the_images_that_did():
    runs = [
        by_validation(conventional(0), kept_at=300),
        by_validation(scheme(0, REACHES), kept_at=40),
    ]
    text = about(runs)
    assert text.startswith(
        "1,120 images that measure the accuracy, 1,600 training images, 800 validation images, "
        "2 classes; seeds 0; "
    )
    assert "The validation split decides when to stop and which weights to keep" in text


def test_runs_of_both_ways_to_choose_are_not_compared():
    with pytest.raises(LradaptError, match=r"others by the test split .*make the tables of each"):
        markdown([conventional(0), by_validation(scheme(0, REACHES), kept_at=40)])


def test_a_run_that_does_not_say_what_chose_is_older_and_was_chosen_by_the_test_images():
    older = {key: value for key, value in conventional(0).items() if key != "chosen_by"}
    assert by_test([older, RUNS[1]])
    assert speed_up(older, RUNS[1]) == 10


def test_all_machines_of_the_runs_are_named():
    other = copy.deepcopy(scheme(0, REACHES))
    other["machine"]["device"] = "AMD EPYC"
    text = about([conventional(0), RUNS[1], other])
    assert (
        "CPU, 2 cores, 1 thread(s), fp32, torch 2; or AMD EPYC, 2 cores, 1 thread(s), fp32, torch 2"
        in text
    )


def test_rows_are_sorted_by_model_and_arm():
    deep = [{**made, "architecture": "resnet50"} for made in RUNS[:2]]
    ours = scheme(0, REACHES, "lradapt")
    runs = [*deep, RUNS[1], RUNS[0], ours]
    assert [row[0] for row in table_1(runs)[1:]] == ["resnet18", "resnet50"]
    assert [row[:2] for row in table_2(runs)[1:]] == [
        ["resnet18", "lradapt"],
        ["resnet18", "paper"],
        ["resnet50", "paper"],
    ]


def test_table_2_has_a_row_for_each_arm_and_shows_who_never_got_there():
    runs = [*RUNS, scheme(0, REACHES, "lradapt"), scheme(1, REACHES, "lradapt")]
    header, ours, paper = table_2(runs)
    assert [ours[1], paper[1]] == ["lradapt", "paper"]
    cells = dict(zip(header, paper, strict=True))
    assert cells["rate search CPU s"] == "1.0 (1.0 to 1.0)"
    assert cells["speed-up to the same accuracy"] == "10.0; never with 1 of 2 seeds"
    assert cells["speed-up to 1 point below"] == "8.8 (7.5 to 10.0)"
    assert cells["by total"] == "8.0 (8.0 to 8.0)"
    gain = dict(zip(header, ours, strict=True))["speed-up to the same accuracy"]
    assert gain == "10.0 (10.0 to 10.0)"


def test_runs_of_a_seed_without_a_conventional_run_are_left_out_of_the_comparison():
    _, row = table_3([*RUNS[:2], scheme(7, REACHES)])
    assert row[-1] == "8.0"


def test_an_architecture_without_a_conventional_run_has_no_row():
    other = {**scheme(0, REACHES), "architecture": "resnet50"}
    assert [row[0] for row in table_2([*RUNS, other])[1:]] == ["resnet18"]


def test_the_page_names_machine_patience_and_seeds():
    runs = [RUNS[2], RUNS[1], RUNS[0], RUNS[3]]
    paragraph, *parts = markdown(runs).split("\n\n")
    assert max(map(len, paragraph.splitlines())) <= 120
    assert paragraph.split() == about(runs).split()
    assert about(runs).startswith(
        "1,120 images that measure the accuracy, 1,600 training images, 2 classes; seeds 0, 1; "
        "CPU, 2 cores, 1 thread(s), fp32, torch 2; patience of the conventional arm 5 epochs, "
        "least gain 0.001. Median (minimum to maximum). The test split decides when to stop and "
    )
    assert parts[::2] == [
        "### Table 1: conventional training",
        "### Table 2: the scheme",
        "### Table 3: side by side",
    ]
    assert markdown(RUNS[:2]).endswith(
        "| model | conventional | CPU s | arm | accuracy | CPU s | speed-up by total |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
        "| resnet18 | 90.00% | 400 | paper | 95.00% | 50 | 8.0 |\n"
    )


NO_CURVE = {"sweep": [], "lr": [], "loss": [], "smoothed": []}


def curves(*, lr_curve=NO_CURVE, body_lr_curve=NO_CURVE):
    return {
        "lr_curve": lr_curve,
        "body_lr_curve": body_lr_curve,
        "head_steps": {"step": [0, 1], "lr_head": [0.1, 0.0], "loss": [1, 1]},
        "model_steps": {"step": [0, 1], "lr_early": [0.3, 0.2], "loss": [1, 1]},
    }


@pytest.mark.long
@pytest.mark.slow
def test_figures_are_numbered_as_in_the_paper_and_drawn_for_the_first_seed():
    sweeps = {"sweep": [0, 0, 1], "lr": [0.1, 1, 1], "loss": [2, 1, 1], "smoothed": [2, 1, 1]}
    unfrozen = {"sweep": [0, 0], "lr": [0.1, 1], "loss": [2, 1], "smoothed": [3, 1]}
    drawn_from = curves(lr_curve=sweeps, body_lr_curve=unfrozen)
    first = run("paper", 0, REACHES, {"head": 1}, curves=drawn_from)
    second = run("paper", 1, REACHES, {"head": 1})
    second["final"]["confusion"] = [[9, 9], [9, 9]]
    steps = {name: pd.DataFrame(table) for name, table in drawn_from.items()}
    first_sweep = pd.DataFrame({"step": [0, 1], "lr_head": [0.1, 1.0]})
    title = "resnet18\n{}, 1,120 images"
    matrix, names = np.array([[3, 1], [0, 2]]), ["a", "b"]
    assert figures([second, conventional(0), first, conventional(1)]) == {
        "figure-1-range-test-rate-resnet18-paper.png": schedule_plot(first_sweep).png(),
        "figure-2-range-test-loss-resnet18-paper.png": range_test_plot(
            steps["lr_curve"], 0.01, "edge"
        ).png(),
        "figure-2-range-test-unfrozen-resnet18-paper.png": range_test_plot(
            steps["body_lr_curve"], 0.02, "edge"
        ).png(),
        "figure-3-restarts-resnet18-paper.png": schedule_plot(steps["head_steps"]).png(),
        "figure-4-growing-cycles-resnet18-paper.png": schedule_plot(steps["model_steps"]).png(),
        "figure-5-confusion-resnet18-conventional.png": confusion_plot(
            matrix, names, title.format("conventional")
        ).png(),
        "figure-5-confusion-resnet18-paper.png": confusion_plot(
            matrix, names, title.format("paper")
        ).png(),
    }


def test_a_range_test_is_drawn_as_its_rule_reads_it():
    sweep = {"sweep": [0, 0], "lr": [0.1, 1], "loss": [2, 1], "smoothed": [3, 1], "rise": [0, 9]}
    drawn_from = curves(body_lr_curve=sweep)
    drawn = figures([run("lradapt", 0, REACHES, {"head": 1}, curves=drawn_from, rule="rise")])
    as_read = range_test_plot(pd.DataFrame(sweep), 0.02, "rise").png()
    assert drawn["figure-2-range-test-unfrozen-resnet18-lradapt.png"] == as_read
    assert as_read != range_test_plot(pd.DataFrame(sweep), 0.02, "edge").png()


def test_the_slash_of_a_name_makes_no_folder_of_figures():
    made = run("paper", 0, REACHES, {"head": 1}, curves=curves())
    drawn = figures([{**made, "architecture": "timm/x"}])
    assert "figure-5-confusion-timm-x-paper.png" in drawn


def test_a_head_that_was_solved_has_no_figure_of_restarts():
    solved = curves() | {"head_steps": {"step": [], "lr_head": [], "loss": []}}
    drawn = figures([run("lradapt", 0, REACHES, {"head": 1}, curves=solved)])
    assert sorted(drawn) == [
        "figure-4-growing-cycles-resnet18-lradapt.png",
        "figure-5-confusion-resnet18-lradapt.png",
    ]


def test_a_rate_that_was_given_has_no_figure_of_a_range_test():
    drawn = figures([run("paper", 0, REACHES, {"head": 1}, curves=curves())])
    assert not [name for name in drawn if "range-test" in name]


def test_the_program_writes_the_page_its_cells_and_the_figures(tmp_path):
    for number, made in enumerate(RUNS):
        write_json(tmp_path / "runs/0-timm" / f"{number}.json", made)  # a name with a slash
    (tmp_path / "runs" / "notes.txt").write_text("no run")
    page, summary, pictures = (tmp_path / name for name in ("t.md", "t.json", "pictures"))
    main(runs=tmp_path / "runs", tables=page, summary=summary, pictures=pictures)
    assert page.read_text() == markdown(RUNS)
    assert read_json(summary) == {
        "table_1": table_1(RUNS),
        "table_2": table_2(RUNS),
        "table_3": table_3(RUNS),
    }
    found = {path.name: path.read_bytes() for path in pictures.iterdir()}
    assert found == figures(RUNS)
