"""The split: the properties of the rule, and one result to the letter."""

import csv
import hashlib
import os
import subprocess
import sys
import tarfile
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lradapt.config.params import load_params
from lradapt.data.admission import consider
from lradapt.data.groups import find_groups
from lradapt.data.images.decode import Preprocessing
from lradapt.data.images.image_table import read_table
from lradapt.data.images.ingest import ingest
from lradapt.data.labelled_image import CHOSEN, TEST, TRAIN, VALIDATION, LabelledImage
from lradapt.data.split import assign_splits, validation_from_train

settings.register_profile("split", deadline=None, derandomize=True)
settings.load_profile("split")


def sha(text):
    return hashlib.sha256(str(text).encode()).hexdigest()


def image(label, pixel_sha256, group=""):
    return LabelledImage("", label, group, pixel_sha256=pixel_sha256)


def splits_of(images, ratio=5, validation_share=0.1):
    return assign_splits(images, train_per_test=ratio, validation_share=validation_share)


def clusters(images):
    """Lists of images that groups and duplicates connect, found by walking, not by joining."""
    by_tie = defaultdict(set)
    ties = [[("pixels", e.pixel_sha256)] + [("group", e.group)] * bool(e.group) for e in images]
    for index, own in enumerate(ties):
        for tie in own:
            by_tie[tie].add(index)
    left, found = set(range(len(images))), []
    while left:
        reached, edge = set(), {left.pop()}
        while edge:
            reached |= edge
            edge = {i for e in edge for tie in ties[e] for i in by_tie[tie]} - reached
        left -= reached
        found.append(sorted(reached))
    return found


images = st.lists(
    st.builds(
        image,
        label=st.sampled_from("abc"),
        pixel_sha256=st.integers(0, 60).map(sha),
        group=st.sampled_from(["", "", *(f"g{n}" for n in range(12))]),
    ),
    min_size=1,
    max_size=60,
)
pure = st.lists(  # each group of one class, no duplicates
    st.tuples(st.sampled_from("abc"), st.integers(0, 15)), min_size=1, max_size=80
).map(lambda pairs: [image(c, sha(f"{i}"), f"{c}{g}") for i, (c, g) in enumerate(pairs)])


@pytest.mark.slow
@given(images)
def test_no_group_and_no_duplicates_are_in_two_splits(images):
    splits = splits_of(images)
    for members in clusters(images):
        assert len({splits[member] for member in members}) == 1


@given(images)
def test_groups_are_those_that_ties_connect(images):
    assert sorted(sorted(g.members) for g in find_groups(images)) == sorted(clusters(images))


@given(images, st.randoms(use_true_random=False))
def test_the_order_of_the_examples_changes_nothing(images, random):
    order = list(range(len(images)))
    random.shuffle(order)
    splits, shuffled = splits_of(images), splits_of([images[i] for i in order])
    assert shuffled == [splits[i] for i in order]


@given(pure, st.sampled_from([1, 2, 5, 9.5]))
def test_each_class_is_within_one_group_of_the_ratio(images, ratio):
    splits = splits_of(images, ratio)
    for label in {e.label for e in images}:
        inside = [i for i, e in enumerate(images) if e.label == label]
        sizes = Counter(images[i].group for i in inside)
        if len(sizes) < 2:
            continue
        test = sum(splits[i] == TEST for i in inside)
        assert abs(test - len(inside) / (ratio + 1)) <= max(sizes.values())


@given(pure)
def test_a_class_of_two_groups_or_more_has_one_in_train_and_one_in_test(images):
    splits = splits_of(images)
    for label in {e.label for e in images}:
        inside = [i for i, e in enumerate(images) if e.label == label]
        test = {splits[i] == TEST for i in inside}
        assert test == ({True, False} if len({images[i].group for i in inside}) > 1 else {False})


@given(pure)
def test_validation_is_taken_from_train_only(images):
    without, with_validation = (
        splits_of(images, validation_share=0),
        splits_of(images, validation_share=0.4),
    )
    assert VALIDATION not in without
    assert [s == TEST for s in without] == [s == TEST for s in with_validation]
    for label in {e.label for e in images}:
        assert TRAIN in [
            s for s, e in zip(with_validation, images, strict=True) if e.label == label
        ]


@given(pure)
def test_validation_of_a_given_training_split_follows_the_same_rule(images):
    splits = splits_of(images, validation_share=0.4)
    training = [e for e, split in zip(images, splits, strict=True) if split != TEST]
    expected = [split for split in splits if split != TEST]
    assert validation_from_train(training, validation_share=0.4) == expected


def test_the_result_is_pinned_for_twenty_images():
    images = [image("cat", sha(f"cat{n}")) for n in range(12)]
    images += [image("dog", sha(f"dog{n}"), f"patient{n // 2}") for n in range(8)]
    letters = "".join(
        {TRAIN: "-", VALIDATION: "t", TEST: "V"}[s] for s in splits_of(images, 3, 0.3)
    )
    assert letters == "tV-t--VV-t----VVtt--"


GOLDEN = Path(__file__).with_name("golden_split.csv")


def golden():
    """Images with groups of several classes, duplicates across groups, a class of one group."""
    with GOLDEN.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    found = [image(line["label"], sha(line["pixels"]), line["group"]) for line in lines]
    return found, [line["split"] for line in lines]


def test_the_golden_split_is_the_same_on_this_machine():
    images, splits = golden()
    assert splits_of(images) == splits
    groups = find_groups(images)
    assert {len({images[i].label for i in group.members}) for group in groups} == {1, 2, 3}


@pytest.mark.slow
@pytest.mark.parametrize("variables", [{"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2"}], ids=str)
def test_the_golden_split_depends_on_no_hash_seed_and_no_locale(variables):
    code = "import test_split as t; e, s = t.golden(); assert t.splits_of(e) == s; print(len(e))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            **variables,
            "LC_ALL": "C",
            "TZ": "Asia/Tokyo",
            "PYTHONPATH": os.pathsep.join([str(GOLDEN.parent), *sys.path]),
        },
    )
    assert (done.returncode, done.stdout) == (0, "168\n"), done.stderr


@given(images, st.sampled_from([1, 5, 9.5]))
def test_a_class_to_which_two_groups_count_is_in_train_and_in_test(images, ratio):
    splits = splits_of(images, ratio)
    for label in {e.label for e in images}:
        own = [group for group in find_groups(images) if group.label == label]
        test = {splits[group.members[0]] == TEST for group in own}
        assert test == ({True, False} if len(own) > 1 else {False} if own else set())


def test_groups_are_taken_in_the_order_of_their_hashes():
    images = [image("cat", f"{n:x}" * 64) for n in range(12)]
    assert splits_of(images, validation_share=0) == [TEST] * 2 + [TRAIN] * 10


def test_a_group_is_ordered_by_the_hash_of_its_name_and_not_of_its_pixels():
    images = [image("cat", sha(n), group) for n, group in enumerate("aabbccddeeff")]
    first = min("abcdef", key=lambda group: sha(f"group:{group}"))
    test = {e.group for e, s in zip(images, splits_of(images), strict=True) if s == TEST}
    assert test == {first}


@pytest.mark.parametrize(
    ("num", "test"), [(1, 0), (2, 1), (6, 1), (8, 1), (9, 1), (10, 2), (12, 2)]
)
def test_the_share_is_rounded_to_the_nearest_image_and_a_tie_to_fewer(num, test):
    splits = splits_of([image("cat", sha(n)) for n in range(num)], validation_share=0)
    assert splits.count(TEST) == test


def test_a_group_larger_than_the_share_is_left_out_when_that_is_nearer():
    sizes = {"0" * 64: 1, "1" * 64: 11}  # duplicates; the share of 12 is 2
    images = [image("cat", key) for key, size in sizes.items() for _ in range(size)]
    assert splits_of(images, validation_share=0) == [TEST] + [TRAIN] * 11


def synthetic(start, stop):
    """Images of three classes (6:3:1), every fourth of them one of a group of three."""
    for n in range(start, stop):
        label = "aaaaaabbbc"[n % 10]
        yield image(label, sha(n), f"{label}{n // 30}" if n % 4 == 0 else "")


def test_a_third_more_images_move_few_of_those_that_were_there():
    before = list(synthetic(0, 6000))
    after = before + list(synthetic(6000, 8000))
    pairs = Counter(zip(splits_of(before), splits_of(after)[:6000], strict=True))
    moved = sum(count for (old, new), count in pairs.items() if old != new)
    crossed = sum(n for (old, new), n in pairs.items() if (old == TEST) != (new == TEST))
    assert moved <= 120  # 70 were counted; a new draw would move some 2,000
    assert crossed <= 60  # 33 were counted


@settings(max_examples=30)
@given(pure)
def test_an_image_added_to_one_class_moves_no_other_class(images):
    before = splits_of(images)
    after = splits_of([*images, image("new", sha("new"))])
    assert after == [*before, TRAIN]


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.shared
def test_ham10000_that_grows_by_a_third_moves_59_of_7543_images(shared, tmp_path):
    with tarfile.open(shared / "data/ham10000.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    folder, table = tmp_path / "ham10000/images", tmp_path / "images.csv"
    how = Preprocessing(input_size=8, max_megapixels=80)
    ingest(folder, pixels=tmp_path / "pixels.npy", table=table, how=how)
    (metadata,) = (tmp_path / "ham10000").rglob("metadata.csv")
    with metadata.open(encoding="utf-8", newline="") as file:
        lines = sorted(csv.DictReader(file), key=lambda line: line["image_id"])
    labels = [
        LabelledImage(f"{line['image_id']}.jpg", line["dx"], line["lesion_id"]) for line in lines
    ]
    before, after = (admitted(read_table(table), labels[:num]) for num in (7543, 10015))
    assert (len(before), len(after)) == (7543, 10015)
    moved = [name for name in before if before[name] != after[name]]
    crossed = [name for name in moved if TEST in (before[name], after[name])]
    assert (len(moved), len(crossed)) == (59, 37)


def admitted(rows, labels):
    """Image -> split, of the images that have a label."""
    named = {label.image for label in labels}
    images = [row for row in rows if row.image in named]
    rules = load_params(Path(__file__).parents[3] / "params.yaml").check.rules
    none_near = np.empty((0, 2), dtype=np.intp)
    admission = consider(images, labels, none_near, rules, train_per_test=5, validation_share=0.1)
    return {image.image: image.split for image in admission.images}


def chosen(label, pixel_sha256, group=""):
    return LabelledImage("", label, group, pixel_sha256=pixel_sha256, queue=CHOSEN)


SAMPLE = [image("ab"[n % 2], sha(n)) for n in range(60)]
PICKED = [chosen("ab"[n % 2], sha(f"chosen {n}")) for n in range(40)]


def test_images_that_a_model_has_chosen_are_trained_on_and_move_no_other():
    splits = splits_of([*SAMPLE, *PICKED])
    assert set(splits[60:]) == {TRAIN}
    assert splits[:60] == splits_of(SAMPLE)


def test_images_of_the_random_tenth_are_split_as_any_other():
    drawn = [replace(each, queue="random") for each in PICKED]
    splits = splits_of([*SAMPLE, *drawn])
    assert splits == splits_of([*SAMPLE, *(replace(each, queue="") for each in PICKED)])
    assert TEST in splits[60:]


def test_no_image_of_the_group_or_with_the_pixels_of_a_chosen_one_is_measured_on():
    in_test = [each for each, split in zip(SAMPLE, splits_of(SAMPLE), strict=True) if split == TEST]
    other = image("a", sha("other"), group="p1")
    picked = [chosen("a", in_test[0].pixel_sha256), chosen("a", sha("of p1"), group="p1")]
    images = [*SAMPLE, other, *picked]
    splits = dict(zip([(e.pixel_sha256, e.queue) for e in images], splits_of(images), strict=True))
    assert splits[in_test[0].pixel_sha256, ""] == TRAIN
    assert splits[other.pixel_sha256, ""] == TRAIN


def test_chosen_images_of_a_given_train_split_are_never_in_validation():
    splits = validation_from_train([*SAMPLE, *PICKED], validation_share=0.5)
    assert set(splits[60:]) == {TRAIN}
    assert VALIDATION in splits[:60]


@given(images, st.lists(st.integers(0, 9), max_size=20))
def test_chosen_images_are_in_no_split_that_is_measured_on(given_images, numbers):
    picked = [chosen("a", sha(number)) for number in numbers]
    splits = splits_of([*given_images, *picked])
    assert set(splits[len(given_images) :]) <= {TRAIN}
