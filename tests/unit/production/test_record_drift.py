"""The drift of a record: what is compared, and one clear message for what cannot be."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from colour_model import COLOURS, colour_model, paint

from lradapt.config.paths import read_paths
from lradapt.data.images.decode import preprocess
from lradapt.data.images.image_table import ImageRow
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import write_split
from lradapt.errors import DataError
from lradapt.gate.held_out import write_test_images, write_trained_on
from lradapt.inference.predict import Model
from lradapt.production import drift_reference
from lradapt.production.drift_reference import make_reference, observe
from lradapt.production.record_drift import drift_of_record
from lradapt.recording.lines import Answered, Header, answer_line, header_line
from lradapt.recording.names import new_name
from lradapt.registry import open_record, open_registry
from lradapt.runtime.files import sha256_of

PATHS = read_paths(Path(__file__).parents[3] / "dvc.yaml")
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
NOW = MONDAY + timedelta(days=7)
COUNTS = {"train": 3, "validation": 20, "test": 100}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project of three colours after its run, with 123 images."""
    paths = PATHS.below(tmp_path_factory.mktemp("project"))
    rows, images = [], []
    splits = [split for split, count in COUNTS.items() for _ in range(count)]
    for number, split in enumerate(splits):
        name, colour = f"{number}.png", COLOURS[number % 3]
        file = paint(paths.images / name, colour, seed=number)
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        rows.append(ImageRow(name, sha256, f"p{number}", 10, 10, "ok", "", "PNG", "RGB", 1))
        images.append(LabelledImage(name, colour, "", split, f"p{number}", number))
    paths.split.parent.mkdir(parents=True)
    write_split(paths.split, images)
    paths.table.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(paths.table, index=False)
    return paths, images


def publish(tmp_path, project, **facts):
    images = project[1]
    registry = open_registry(str(tmp_path / "registry"), "classifier")
    files = {
        "model.onnx": colour_model(),
        "trained_on.csv": write_trained_on(images),
        "test_images.csv": write_test_images(images),
    }
    return registry.open(registry.publish(files, facts))


@pytest.fixture
def version(tmp_path, project):
    return publish(tmp_path, project)


def pictures(colours, darker=0):
    """Pixels that no reference image has, one of each of these colours."""
    how = Model(colour_model()).preprocessing
    with TemporaryDirectory() as folder:
        files = [
            paint(Path(folder, f"{number}.png"), colour, seed=1000 + number)
            for number, colour in enumerate(colours)
        ]
        squares_NSS3 = np.stack([preprocess(file.read_bytes(), how) for file in files])
    return np.maximum(squares_NSS3.astype(int) - darker, 0).astype(np.uint8)


def segment(folder, version_name, pixels, *, start=MONDAY, classes=COLOURS, first=0, groups=()):
    """Write what a served model records of these pixels, a minute apart."""
    found = observe(Model(colour_model()), pixels)
    header = Header(version_name, tuple(classes), found.features.shape[1])
    lines = [header_line(header)]
    for row in range(len(pixels)):
        lines.append(
            answer_line(
                Answered(
                    start + timedelta(minutes=row),
                    f"{first + row:064x}",
                    found.probabilities[row],
                    found.features[row],
                    float(found.brightness[row]),
                    float(found.sharpness[row]),
                    group=groups[row] if groups else "",
                )
            )
        )
    path = Path(folder, new_name(start))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(lines))
    return path


def drift(folder, version, project, **options):
    values = {"period": "week", "now": NOW}
    return drift_of_record(open_record(str(folder)), version, project[0], **values | options)


def name_of(version):
    return version.manifest["version"]


def test_the_reference_are_the_test_images_and_the_validation_images_of_the_same_split(
    tmp_path, project, version
):
    found = make_reference(version, project[0])
    assert (len(found.observed), found.classes) == (100, COLOURS)
    assert (found.observed.predicted == found.labels).all()
    split = sha256_of(project[0].split)
    same = publish(tmp_path / "same", project, data={"split": split})
    assert len(make_reference(same, project[0]).observed) == 120
    warm = publish(tmp_path / "warm", project, data={"split": split}, ancestor="0")
    assert len(make_reference(warm, project[0]).observed) == 100


def test_groups_that_a_copy_joins_are_one_group_of_the_reference(tmp_path, project, version):
    paths, images = replace(project[0], split=tmp_path / "split.csv"), project[1]
    write_split(paths.split, [replace(each, joined="j" * (each.row < 33)) for each in images])
    assert len({*make_reference(version, project[0]).groups.tolist()}) == 100
    assert len({*make_reference(version, paths).groups.tolist()}) == 100 - 9


def test_what_the_reference_gives_is_computed_once(tmp_path, project, version, monkeypatch):
    first = make_reference(version, project[0])
    monkeypatch.setattr(drift_reference, "observe", None)
    second = make_reference(version, project[0])
    assert [
        np.array_equal(*pair)
        for pair in zip(first.observed.arrays(), second.observed.arrays(), strict=True)
    ] == [True] * 4


def test_too_few_images_of_the_version_are_an_error_that_names_what_is_missing(tmp_path, project):
    other = [LabelledImage("", "red", "", "test", f"other {k}") for k in range(80)]
    registry = open_registry(str(tmp_path / "registry"), "classifier")
    files = {
        "model.onnx": colour_model(),
        "trained_on.csv": b"pixel_sha256,group\n",
        "test_images.csv": write_test_images(other),
    }
    foreign = registry.open(registry.publish(files, {}))
    with pytest.raises(
        DataError, match=r"of which 0 are here, expected 50 or more \(it was tested on 80\)"
    ):
        make_reference(foreign, project[0])


def test_a_week_like_the_reference_has_no_drift_and_a_darker_one_has(tmp_path, project, version):
    usual = pictures(COLOURS * 30)
    segment(tmp_path / "a", name_of(version), usual)
    (week,) = drift(tmp_path / "a", version, project).periods
    assert (week.name, week.num_images, week.reason) == ("2026-W48", 90, "")
    assert week.tested.drifted == ()
    assert set(week.tested.p_values) == {"classes", "features", "brightness", "sharpness"}
    segment(tmp_path / "b", name_of(version), pictures(COLOURS * 30, darker=30))
    (week,) = drift(tmp_path / "b", version, project).periods
    assert "brightness" in week.tested.drifted


def test_other_classes_are_seen_with_their_estimated_shares(tmp_path, project, version):
    segment(tmp_path / "r", name_of(version), pictures(["red"] * 80 + ["blue"] * 20))
    (week,) = drift(tmp_path / "r", version, project).periods
    assert {"classes", "features"} <= set(week.tested.drifted)
    assert week.tested.shares == pytest.approx((0.8, 0, 0.2), abs=0.03)


def test_the_same_record_has_the_same_p_values(tmp_path, project, version):
    segment(tmp_path / "r", name_of(version), pictures(COLOURS * 20))
    first, second = (drift(tmp_path / "r", version, project) for _ in range(2))
    assert first == second


def test_a_week_that_has_not_ended_is_tested_only_if_asked(tmp_path, project, version):
    segment(tmp_path / "r", name_of(version), pictures(COLOURS * 20))
    early = NOW - timedelta(days=1)
    (week,) = drift(tmp_path / "r", version, project, now=early).periods
    assert (week.tested, week.reason) == (None, "not finished: it ends on 2026-11-30")
    (week,) = drift(tmp_path / "r", version, project, now=early, unfinished=True).periods
    assert week.tested is not None


def test_too_few_images_are_reported_and_not_tested(tmp_path, project, version):
    segment(tmp_path / "r", name_of(version), pictures(COLOURS * 16))
    (week,) = drift(tmp_path / "r", version, project).periods
    assert (week.tested, week.reason) == (None, "too few images: 48, expected 50 or more")


def test_a_file_that_is_sent_again_and_again_is_one_image(tmp_path, project, version):
    path = segment(tmp_path / "r", name_of(version), pictures(COLOURS * 20))
    content = path.read_bytes()
    path.write_bytes(content + content.split(b"\n")[1] + b"\n")
    (week,) = drift(tmp_path / "r", version, project).periods
    assert (week.num_images, week.num_repeated) == (60, 1)


def test_an_empty_record_is_one_message(tmp_path, project, version):
    (tmp_path / "r").mkdir()
    with pytest.raises(DataError, match=r"r has no answers since 2026-09-07: expected a record"):
        drift(tmp_path / "r", version, project)


def test_a_record_of_another_version_names_the_versions_it_has(tmp_path, project, version):
    segment(tmp_path / "r", "other", pictures(COLOURS))
    with pytest.raises(DataError, match=r"no answers of version .* but of other \(3\): name one"):
        drift(tmp_path / "r", version, project)


def test_a_record_of_other_classes_is_refused_with_both(tmp_path, project, version):
    segment(tmp_path / "r", name_of(version), pictures(COLOURS), classes=("cat", "dog", "cow"))
    with pytest.raises(
        DataError, match=r"the classes cat, dog, cow, expected .*: red, green, blue"
    ):
        drift(tmp_path / "r", version, project)


def test_of_two_versions_in_a_week_one_is_compared_and_the_other_counted(
    tmp_path, project, version
):
    segment(tmp_path / "r", name_of(version), pictures(COLOURS * 20))
    segment(tmp_path / "r", "other", pictures(COLOURS * 2), first=900)
    found = drift(tmp_path / "r", version, project)
    (week,) = found.periods
    assert (week.num_images, week.num_others) == (60, 6)
    note, _ = found.notes
    assert note.startswith("other versions answered in 2026-W48, too (other (6) in all): only")


def test_a_line_that_is_cut_off_is_reported_and_the_others_are_compared(tmp_path, project, version):
    path = segment(tmp_path / "r", name_of(version), pictures(COLOURS * 20))
    path.write_bytes(path.read_bytes()[:-30])
    found = drift(tmp_path / "r", version, project)
    assert found.periods[0].num_images == 59
    assert found.notes[:-1] == (
        f"1 lines were skipped, the first is {path.parent.name}/{path.name}, line 61: cut off",
    )


def test_answers_that_are_not_numbers_are_counted_and_not_compared(tmp_path, project, version):
    path = segment(tmp_path / "r", name_of(version), pictures(COLOURS * 20))
    lines = path.read_bytes().split(b"\n")
    answer = json.loads(lines[1])
    answer["probabilities"][0] = float("nan")
    path.write_bytes(b"\n".join([lines[0], json.dumps(answer).encode(), *lines[2:]]))
    found = drift(tmp_path / "r", version, project)
    assert found.periods[0].num_images == 59
    note, _ = found.notes
    assert note.startswith("1 answers have a probability or a feature that is not a number")


def test_answers_after_a_clock_was_set_back_count_to_the_day_they_are_dated(
    tmp_path, project, version
):
    name = name_of(version)
    images, groups = pictures(COLOURS * 20), [f"{number}" for number in range(60)]
    tuesday = MONDAY + timedelta(days=1)
    segment(tmp_path / "r", name, images, start=tuesday, groups=groups)
    back = segment(tmp_path / "r", name, images, start=MONDAY, first=500, groups=groups)
    assert back.parent.name == "2026-11-23"
    found = drift(tmp_path / "r", version, project, period="day")
    assert [(each.name, each.num_images) for each in found.periods] == [
        ("2026-11-23", 60),
        ("2026-11-24", 60),
    ]
    assert found.notes == ()


def test_answers_dated_after_now_are_reported(tmp_path, project, version):
    start = NOW + timedelta(days=30)
    segment(tmp_path / "r", name_of(version), pictures(COLOURS * 20), start=start)
    found = drift(tmp_path / "r", version, project)
    assert found.periods[0].reason.startswith("not finished")
    (note,) = found.notes
    assert note.startswith("60 answers are dated after now, the last 2026-12-30T00:59:00")


def test_a_first_day_within_a_week_reads_the_whole_week(tmp_path, project, version):
    segment(tmp_path / "r", name_of(version), pictures(COLOURS * 20))
    found = drift(tmp_path / "r", version, project, since=date(2026, 11, 29))
    assert found.periods[0].num_images == 60


def test_groups_of_a_record_are_counted_and_an_image_without_one_is_its_own(
    tmp_path, project, version
):
    groups = [*("abc" * 4), *[""] * 60]
    segment(tmp_path / "record", name_of(version), pictures(COLOURS * 24), groups=groups)
    (week,) = drift(tmp_path / "record", version, project).periods
    assert (week.num_images, week.num_groups, week.reason) == (72, 63, "")
    assert week.tested.drifted == ()


@pytest.mark.parametrize(("named", "weeks"), [("neither", "2 of 2"), ("the first", "1 of 2")])
def test_weeks_without_groups_have_a_note_on_what_is_assumed(
    tmp_path, project, version, named, weeks
):
    images, groups = pictures(COLOURS * 20), [f"{number}" for number in range(60)]
    before = MONDAY - timedelta(days=7)
    first = groups if named == "the first" else ()
    segment(tmp_path / "r", name_of(version), images, start=before, groups=first)
    segment(tmp_path / "r", name_of(version), images, first=500)
    (note,) = drift(tmp_path / "r", version, project).notes
    assert note.startswith(f"no request named a group in {weeks} tested weeks: their p-values")
    assert "Lradapt-Group" in note
    (line,) = drift(tmp_path / "r", version, project, period="day", since=MONDAY.date()).notes
    assert "in 1 of 1 tested days" in line


def test_a_week_of_too_few_groups_is_not_tested_whatever_its_images(tmp_path, project, version):
    groups = list("abcdef") * 20
    segment(tmp_path / "record", name_of(version), pictures(COLOURS * 40), groups=groups)
    (week,) = drift(tmp_path / "record", version, project).periods
    assert (week.tested, week.reason) == (None, "too few groups: 6, expected 50 or more")
    assert drift(tmp_path / "record", version, project).notes == ()
