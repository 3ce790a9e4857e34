"""A given split (column `split`) is kept, and no group is in two splits."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lradapt.config.params import load_params
from lradapt.data.admission import consider, require_training
from lradapt.data.checks.findings import Rules
from lradapt.data.checks.run_checks import run_checks
from lradapt.data.images.image_table import OK, ImageRow
from lradapt.data.labelled_image import SPLITS
from lradapt.data.labelled_image import LabelledImage as Label

settings.register_profile("given split", deadline=None, derandomize=True)
settings.load_profile("given split")

POLICIES = load_params(Path(__file__).parents[3] / "params.yaml").check.policies.model_dump()
NONE_NEAR = np.empty((0, 2), dtype=np.intp)
CORE = [  # both classes in both splits, so that nothing stops
    Label(f"{name}{split}.png", name, "", split)
    for name in ("cat", "dog")
    for split in ("train", "test")
]
lines = st.lists(
    st.builds(
        Label,
        image=st.just(""),
        label=st.sampled_from(["cat", "dog"]),
        group=st.sampled_from(["", "", "p1", "p2", "p3", "p4"]),
        split=st.sampled_from(SPLITS),
    ),
    max_size=30,
)
labels = lines.map(
    lambda rows: [
        *CORE,
        *(Label(f"{n}.png", r.label, r.group, r.split) for n, r in enumerate(rows)),
    ]
)


def splits_of(labels, validation_share):
    images = [
        ImageRow(la.image, "file", f"pixels of {la.image}", 8, 8, OK, "", "PNG", "RGB", 1)
        for la in labels
    ]
    rules = Rules(8, 0.96, POLICIES, cue_auc=0.9)
    admission = consider(
        images, labels, NONE_NEAR, rules, train_per_test=5, validation_share=validation_share
    )
    require_training(admission)
    assert {image.image for image in admission.images} | set(admission.set_aside) == {
        label.image for label in labels
    }
    return {image.image: image.split for image in admission.images}


@given(labels, st.floats(0, 0.9))
def test_images_that_take_part_are_in_their_given_split(labels, validation_share):
    found = splits_of(labels, validation_share)
    kept = [label for label in labels if label.image in found]
    validation_is_given = any(label.split == "validation" for label in kept)
    for label in kept:
        may_validation = label.split == "train" and not validation_is_given
        assert found[label.image] in ({"train", "validation"} if may_validation else {label.split})


@given(labels, st.floats(0, 0.9))
def test_no_group_of_a_given_split_is_in_two_splits(labels, validation_share):
    found = splits_of(labels, validation_share)
    splits = defaultdict(set)
    for label in labels:
        if label.group and label.image in found:
            splits[label.group].add(found[label.image])
    assert all(len(own) == 1 for own in splits.values())


@pytest.mark.parametrize(("kind", "pixels"), [("duplicate", "1 1 1"), ("near_duplicate", "1 2 3")])
@pytest.mark.parametrize("kept", ["validation", "test"])
def test_of_copies_that_are_set_aside_the_one_of_the_latest_split_is_kept(kind, pixels, kept):
    splits = {"a1.png": "train", "m1.png": "train", "z1.png": kept}
    found = [*CORE, *(Label(name, "cat", "", split) for name, split in splits.items())]
    hashes = [*(core.image for core in CORE), *pixels.split()]
    images = [
        ImageRow(label.image, "file", pixel, 8, 8, OK, "", "PNG", "RGB", 1)
        for label, pixel in zip(found, hashes, strict=True)
    ]
    near = np.array([(4, 5), (4, 6), (5, 6)], dtype=np.intp)
    policies = POLICIES | {"duplicate": "keep", "near_duplicate": "keep", kind: "set_aside"}
    checked = run_checks(images, found, near, Rules(8, 0.96, policies, cue_auc=0.9))
    assert {image.image: image.split for image in checked.images[4:]} == {"z1.png": kept}
    assert set(checked.set_aside) == {"a1.png", "m1.png"}
    assert {f.beside for f in checked.findings if f.subject == "a1.png"} == {("z1.png",)}


@given(labels)
def test_only_split_leaks_are_set_aside(labels):
    found = splits_of(labels, 0.1)
    splits = defaultdict(set)
    for label in labels:
        splits[label.group or label.image].add(label.split)
    for label in labels:
        own = splits[label.group or label.image]
        kept = next(split for split in ("test", "validation", "train") if split in own)
        assert (label.image in found) == (label.split == kept)
