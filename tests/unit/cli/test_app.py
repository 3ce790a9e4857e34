import csv
import io
import json
import logging
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from colour_model import COLOURS, colour_model, doubting_model, paint
from PIL import Image
from releases import promote, publish, release

from lradapt import __version__
from lradapt.cli import exit_codes, predict
from lradapt.inference.predict import Prediction
from lradapt.networks.answer_limits import AnswerLimits
from lradapt.registry import open_registry
from lradapt.stages import NAMES

ROOT = Path(__file__).parents[3]
STAGES = list(NAMES)


@pytest.fixture
def promoted(tmp_path):
    """A function that puts a model into production of a registry in the folder."""

    def put(model=None, registry="registry", name="classifier", by="me@[here]", **record):
        opened = open_registry(str(tmp_path / registry), name)
        version = publish(opened, model or colour_model())
        promote(opened, version, by=by, at="2026-01-02T03:04:05+00:00", **record)
        return version

    return put


@pytest.fixture
def pictures(tmp_path):
    """A folder of three pictures, the second damaged."""
    for seed, colour in enumerate(COLOURS):
        paint(tmp_path / "images" / f"{seed}.png", colour, seed)
    (tmp_path / "images" / "1.png").write_bytes(b"damaged")


def cells(table):
    """The cells of a table's lines, without its header."""
    lines = [line for line in table.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def test_predict_as_a_table_names_the_class_how_sure_and_the_next(lradapt, promoted, tmp_path):
    promoted()
    paint(tmp_path / "a.png", "green")
    output = lradapt("predict", "a.png")
    assert (output.code, output.err) == (0, "")
    ((image, best, probability, others),) = cells(output.out)
    assert (image, best) == ("a.png", "green")
    (found,) = json.loads(lradapt("predict", "--json", "a.png").out)
    shares = [f"{name} {share:.1%}" for name, share in found["probabilities"].items()]
    assert [f"green {probability}", *others.split(", ")] == shares


def test_a_table_tells_the_next_two_classes_and_the_fault_of_a_file(capsys):
    shares = {"[a]": 0.50049, "[b]": 0.3, "c": 0.15, "d": 0.04951}
    good, bad = Path("[x].png"), Path("[y].png")
    predictions = [
        Prediction(bad, "", {}, "[z] is no image"),
        Prediction(good, "[a]", shares, ""),
    ]
    predict._print_table(predictions, AnswerLimits(), {})
    assert cells(capsys.readouterr().out) == [
        ["[y].png", "[z] is no image", "", ""],
        ["[x].png", "[a]", "50.0%", "[b] 30.0%, c 15.0%"],
    ]


def test_a_narrow_table_folds_names_and_leaves_the_probability_whole(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    a, b, c = "a" * 30, "b" * 30, "c" * 30
    predict._print_table(
        [Prediction(Path("x" * 30), a, {a: 0.5, b: 0.3, c: 0.2}, "")], AnswerLimits(), {}
    )
    out = capsys.readouterr().out
    assert [out.count(letter) for letter in "xabc"] == [
        30 + "next".count("x"),
        30 + "image class probability".count("a"),
        30 + "probability".count("b"),
        30 + "class".count("c"),
    ]
    assert "50.0%" in out
    assert "…" not in out


def test_a_fault_is_red_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    predict._print_table([Prediction(Path("a.png"), "", {}, "no image")], AnswerLimits(), {})
    assert "\x1b[31mno image" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["predict", "images/0.png"], ["history"], ["rollback", "--reason", "too many owls"]]
)
def test_a_command_reads_the_registry_and_the_name_that_are_given(
    lradapt, promoted, pictures, words
):
    for classes in (["robin", "wren", "jay"], COLOURS):
        promoted(colour_model(classes), registry="elsewhere", name="birds")
    assert lradapt(*words, "--registry", "elsewhere", "--name", "birds").code == 0
    assert lradapt(*words).code == 1


def test_predict_as_json_is_one_object_an_image(lradapt, promoted, pictures):
    promoted()
    output = lradapt("predict", "--json", "images")
    first, second, third = json.loads(output.out)
    assert (first["image"], first["class"], first["fault"]) == ("images/0.png", "red", None)
    assert sum(first["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    assert (second["class"], second["probabilities"]) == (None, {})
    assert (third["image"], third["class"]) == ("images/2.png", "blue")
    assert output.out == json.dumps([first, second, third], indent=2) + "\n"


def test_predict_as_csv_has_a_column_a_class_in_the_order_of_the_model(lradapt, promoted, pictures):
    promoted()
    out = lradapt("predict", "--csv", "images").out
    assert [end for end in out if end in "\r\n"] == ["\n"] * 4
    header, first, second, _ = csv.reader(io.StringIO(out))
    doubt = ["unlike", "unlike_training", "unsure"]
    assert header == ["image", "class", "red", "green", "blue", *doubt, "fault"]
    assert (first[:2], first[-1]) == (["images/0.png", "red"], "")
    assert max(first[2:5], key=float) == first[2]
    assert second[:5] == ["images/1.png", "", "", "", ""]


def test_predict_says_how_doubtful_each_answer_is(lradapt, tmp_path):
    release(open_registry("registry"), doubting_model([0.35, 0.35, 0.02]))
    paint(tmp_path / "red.png", "red")
    Image.new("RGB", (10, 10), "white").save(tmp_path / "white.png")
    red, white = json.loads(lradapt("predict", "--json", "red.png", "white.png").out)
    assert (red["unlike_training"], red["unsure"]) == (False, ["red", "blue"])
    assert (white["unlike_training"], white["unsure"]) == (True, ["blue"])
    header, first, second = csv.reader(
        io.StringIO(lradapt("predict", "--csv", "red.png", "white.png").out)
    )
    assert header[5:] == ["unlike", "unlike_training", "unsure", "fault"]
    assert first[5:] == [str(red["unlike"]), "false", "red|blue", ""]
    assert second[6:] == ["true", "blue", ""]
    table = lradapt("predict", "red.png", "white.png").out
    assert "or blue" in table
    assert "doubt" in table
    paint(tmp_path / "blue.png", "blue")
    assert "doubt" not in lradapt("predict", "blue.png").out


@pytest.mark.parametrize("form", ["--json", "--csv", None])
def test_a_file_that_is_no_image_is_named_and_the_others_classified(
    lradapt, promoted, pictures, form
):
    promoted()
    output = lradapt("predict", *([form] if form else []), "images")
    assert output.code == exit_codes.DATA_FAULTS
    assert "1.png" in output.out
    assert "not an image" in output.out
    assert "red" in output.out
    assert "blue" in output.out


def test_json_and_csv_together_are_wrong_usage(lradapt, promoted, pictures):
    promoted()
    output = lradapt("predict", "--json", "--csv", "images")
    assert (output.code, output.out) == (2, "")
    assert "--json and --csv exclude each other" in output.err


@pytest.mark.parametrize("form", ["--json", "--csv", None])
def test_a_file_name_that_is_not_unicode_is_printed_with_escapes(lradapt, promoted, tmp_path, form):
    promoted()
    name = b"caf\xe9.png"
    os.rename(paint(tmp_path / "a.png", "red"), os.fsencode(tmp_path) + b"/" + name)
    output = lradapt("predict", *([form] if form else []), os.fsdecode(name))
    assert output.code == 0
    assert r"caf\udce9.png" in output.out
    if form == "--json":
        assert os.fsencode(json.loads(output.out)[0]["image"]) == name


def test_history_lists_every_promotion_with_its_reason(lradapt, promoted, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    one = promoted(colour_model(["a", "b", "c"]), reason="first")
    two = promoted(reason="better [/by] far")
    output = lradapt("history")
    assert output.code == 0
    at, by = "2026-01-02 03:04", "me@[here]"
    assert cells(output.out) == [
        ["1", at, one, "-", "promotion", by, "first"],
        ["2", at, two, one, "promotion", by, "better [/by] far"],
    ]


def test_a_narrow_history_folds_kind_by_and_reason_and_nothing_else(lradapt, promoted, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    version = promoted(reason="x" * 50, by="q" * 30)
    out = lradapt("history").out
    first, *others = cells(out)
    assert first[:4] == ["1", "2026-01-02 03:04", version, "-"]
    assert {tuple(line[:4]) for line in others} == {("", "", "", "")}
    assert (out.count("x"), out.count("q")) == (50, 30)
    assert "…" not in out


def test_history_at_a_time_is_the_promotion_in_force_then(lradapt, promoted, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    promoted(colour_model(["a", "b", "c"]))
    version = promoted()
    output = lradapt("history", "--json", "--at", "2026-01-02T04:04:05+01:00")
    (move,) = json.loads(output.out)
    assert (move["sequence"], move["version"], move["by"]) == (2, version, "me@[here]")
    (line,) = cells(lradapt("history", "--at", "2026-01-03").out)
    assert line[:3] == ["2", "2026-01-02 03:04", version]


@pytest.mark.parametrize(
    ("time", "says"),
    [
        ("2026-01-02T03:04:04", "nothing was in production at 2026-01-02T03:04:04+00:00"),
        ("noon", "'noon' is not a time; expected ISO 8601"),
    ],
)
def test_history_at_a_time_that_has_no_answer_says_why(lradapt, promoted, time, says):
    promoted()
    output = lradapt("history", "--at", time)
    assert (output.code, output.out) == (1, "")
    assert says in output.err


def test_history_before_the_first_promotion_is_an_error(lradapt):
    output = lradapt("history")
    assert (output.code, output.out) == (1, "")
    assert "nothing of classifier has been promoted in registry yet" in output.err


def test_rollback_restores_the_previous_version_with_the_reason(lradapt, promoted, tmp_path):
    one, two = promoted(colour_model(["a", "b", "c"])), promoted()
    output = lradapt("rollback", "--reason", "too many owls")
    assert (output.code, output.err) == (0, "")
    assert output.out.split() == f"{one} replaced {two} in production".split()
    last = open_registry(str(tmp_path / "registry")).promotions()[-1]
    assert (last.sequence, last.version, last.kind) == (3, one, "rollback")
    assert last.reason == "too many owls"
    assert "@" in last.by
    age = datetime.now(UTC) - datetime.fromisoformat(last.at)
    assert timedelta(0) <= age < timedelta(minutes=1)


@pytest.mark.parametrize("words", [[], ["--reason", " "]])
def test_rollback_without_a_reason_is_wrong_usage(lradapt, words):
    output = lradapt("rollback", *words)
    assert (output.code, output.out) == (2, "")
    assert "--reason" in output.err


def test_rollback_as_json_is_the_promotion(lradapt, promoted):
    one, two = promoted(colour_model(["a", "b", "c"])), promoted()
    printed = json.loads(lradapt("rollback", "--reason", "x", "--json").out)
    assert printed == json.loads(lradapt("history", "--json").out)[-1]
    assert (printed["version"], printed["previous"], printed["reason"]) == (one, two, "x")


@pytest.mark.parametrize("words", [["versions"], ["show"], ["history"], ["predict", "a.png"]])
def test_a_registry_that_is_a_file_is_reported_as_such(lradapt, tmp_path, words):
    (tmp_path / "registry").touch()
    paint(tmp_path / "a.png", "red")
    output = lradapt(*words)
    assert (output.code, output.out) == (1, "")
    assert output.err == "error: registry is a file; expected a folder\n"


def test_the_error_of_an_unknown_stage_lists_the_stages(lradapt):
    output = lradapt("stage", "nosuch")
    assert (output.code, output.out) == (2, "")
    assert "no stage 'nosuch'" in output.err
    printed = output.err.replace("│", " ").replace(",", " ").replace(".", " ").split()
    assert [word for word in printed if word in STAGES] == STAGES


@pytest.mark.parametrize("name", ["__init__", "ingest.main", "../cli", ""])
def test_an_unknown_stage_is_wrong_usage(lradapt, name):
    assert lradapt("stage", name).code == 2


def test_a_stage_without_its_paths_is_wrong_usage(lradapt):
    output = lradapt("stage", "ingest")
    assert output.code == 2
    assert "Usage: lradapt stage ingest [OPTIONS]" in output.err
    assert "Missing option" in output.err


def test_the_help_of_a_stage_lists_its_paths_alone(lradapt):
    output = lradapt("stage", "ingest", "--", "--help")
    assert output.code == 0
    assert "--pixels" in output.out
    assert "--install-completion" not in output.out


@pytest.mark.parametrize(("rank", "code"), [(0, 1), (1, 0)])
def test_a_stage_of_one_process_refuses_several_and_the_first_reports_it(
    lradapt, monkeypatch, rank, code
):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", str(rank))
    output = lradapt("stage", "train_head")
    assert output.code == code
    message = (
        "error: stage train_head runs in one process, but WORLD_SIZE is 2; start it without "
        "torchrun\n"
    )
    assert output.err == (message if rank == 0 else "")


def test_a_stage_without_params_is_an_error_and_is_not_timed(lradapt, tmp_path):
    paint(tmp_path / "images" / "a.png", "red")
    output = lradapt(
        *("stage", "--timings", "timings.json", "ingest", "--images", "images"),
        *("--store", "store", "--pixels", "p.npy", "--table", "t.csv"),
    )
    assert output.code == 1
    assert output.err.startswith(
        "error: no params.yaml: run from the folder that holds params.yaml"
    )
    assert not (tmp_path / "timings.json").exists()


def test_a_stage_writes_its_files_and_its_seconds(lradapt, tmp_path):
    paint(tmp_path / "images" / "a.png", "red")
    params = ROOT / "params.yaml"
    (tmp_path / "params.yaml").write_text(params.read_text())
    output = lradapt(
        *("stage", "--timings", "timings.json", "ingest", "--images", "images"),
        *("--store", "store", "--pixels", "p.npy", "--table", "t.csv"),
    )
    assert output.code == 0
    assert (tmp_path / "t.csv").read_text().splitlines()[1].startswith("a.png,")
    assert set(json.loads((tmp_path / "timings.json").read_text())) == {"ingest"}


@pytest.mark.parametrize("words", [["nosuch"], ["predict"], ["predict", "--nosuch", "a.png"]])
def test_wrong_usage_ends_with_two_and_the_usage(lradapt, words):
    output = lradapt(*words)
    assert (output.code, output.out) == (2, "")
    assert "Usage:" in output.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["serve", "--port", "0"], "Invalid value for '--port': "),
        (["predict"], "Missing argument 'IMAGE'. `lradapt predict --help` has"),
        (["serve", "--no-such-option-of-any-command", "x" * 90], "No such option: --no-such"),
        (["predict", "--json", "--csv", "a.png"], "--json and --csv exclude each other. `lradapt"),
    ],
)
def test_wrong_usage_in_a_pipe_is_plain_lines(lradapt, words, says):
    *usage, last = lradapt(*words).err.splitlines()
    assert usage[0].startswith(f"Usage: lradapt {words[0]}")
    assert last.startswith("error: ")
    assert says in last
    assert last.endswith(f"`lradapt {words[0]} --help` has the options")


def test_wrong_usage_on_a_terminal_is_a_box(lradapt, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    output = lradapt("serve", "--port", "0")
    assert output.code == 2
    assert "╭" in output.err


@pytest.mark.parametrize("code", [0, 3])
def test_the_code_of_a_command_is_that_of_the_program(lradapt, promoted, tmp_path, code):
    promoted()
    image = paint(tmp_path / "a.png", "red")
    if code:
        image.write_bytes(b"no image")
    assert lradapt("predict", "a.png").code == code


def test_without_arguments_it_lists_the_commands(lradapt):
    output = lradapt()
    assert output.code == 2
    assert "history" in output.out


def test_an_internal_error_is_one_line_with_the_way_to_its_traceback(lradapt, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("a\nbug")

    monkeypatch.setattr("lradapt.registry.registry.Registry.promotions", broken)
    output = lradapt("history")
    assert (output.code, output.out) == (70, "")
    assert output.err == (
        f"error: ZeroDivisionError: a bug. This is an internal error of lradapt {__version__}; "
        "please report it with its traceback: run the same command again with --debug, or with "
        "LRADAPT_DEBUG=1\n"
    )


def test_lradapt_logs_its_progress_and_others_only_their_warnings(lradapt, monkeypatch, capsys):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(logging.getLogger("lradapt"), "level", logging.NOTSET)
    lradapt("history")
    for name in ("lradapt.training.loop", "another"):
        logging.getLogger(name).info("progress")
        logging.getLogger(name).warning("trouble")
    assert capsys.readouterr().err == "INFO: progress\nWARNING: trouble\nWARNING: trouble\n"


def test_a_file_that_cannot_be_read_is_an_error(lradapt, tmp_path):
    pointer = tmp_path / "registry" / "classifier" / "production.json"
    pointer.parent.mkdir(parents=True)
    pointer.symlink_to(pointer)  # leads nowhere, for root as well
    output = lradapt("history")
    assert output.code == 1
    assert "Too many levels of symbolic links" in output.err


@pytest.mark.slow
def test_the_program_predicts_without_torch_and_fails_without_a_traceback(promoted, tmp_path):
    promoted()
    paint(tmp_path / "a.png", "blue")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-X", "importtime", "-m", "lradapt", "predict", "--csv", "a.png", "b"]
    failed, done = (
        subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        for command in (words, words[:-1])
    )
    assert (failed.returncode, done.returncode) == (1, 0)
    assert "error: no file or folder b" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert done.stdout.splitlines()[1].startswith("a.png,blue,")
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "lradapt.inference.predict" in imported
    heavy = {"torch", "torchvision", "sklearn", "scipy", "pandas", "matplotlib", "onnx", "fastapi"}
    assert not heavy & imported


@pytest.mark.slow
def test_predict_and_history_read_a_registry_on_s3(lradapt, bucket, tmp_path):
    version = release(open_registry(bucket.url), colour_model()).version
    paint(tmp_path / "a.png", "blue")
    output = lradapt("predict", "a.png", "--json", "--registry", bucket.url)
    assert (output.code, output.err) == (0, "")
    assert json.loads(output.out)[0]["class"] == "blue"
    assert version in lradapt("history", "--registry", bucket.url).out


def test_the_error_of_an_invalid_registry_is_one_message_without_a_secret(lradapt):
    for url in ("s3://key:hidden@bucket/a", "ftp://key:hidden@host/a", "s3://bucket?key=hidden"):
        output = lradapt("history", "--registry", url)
        assert output.code == 1
        assert output.err.startswith("error: the URL ")
        assert output.err.count("\n") == 1
        assert "hidden" not in output.err + output.out
