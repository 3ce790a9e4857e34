"""A column `side` is kept: whoever takes part stands where it was put, and no group straddles."""

from collections import defaultdict
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lradapt.config.params import load_params
from lradapt.data.checks.admission import admit
from lradapt.data.checks.findings import Rules
from lradapt.data.images.ingest import OK, ImageRow
from lradapt.data.labels import SIDES, Label

settings.register_profile("given split", deadline=None, derandomize=True)
settings.load_profile("given split")

POLICIES = load_params(Path(__file__).parents[3] / "params.yaml").check.policies.model_dump()
NONE_NEAR = np.empty((0, 2), dtype=np.intp)
CORE = [  # both classes on both sides, so that nothing stops
    Label(f"{name}{side}.png", name, "", side)
    for name in ("cat", "dog")
    for side in ("train", "validation")
]
lines = st.lists(
    st.builds(
        Label,
        image=st.just(""),
        label=st.sampled_from(["cat", "dog"]),
        group=st.sampled_from(["", "", "p1", "p2", "p3", "p4"]),
        side=st.sampled_from(SIDES),
    ),
    max_size=30,
)
labels = lines.map(
    lambda rows: [*CORE, *(Label(f"{n}.png", r.label, r.group, r.side) for n, r in enumerate(rows))]
)


def sides_of(labels, tune_share):
    images = [
        ImageRow(la.image, "file", f"pixels of {la.image}", 8, 8, OK, "", "PNG", "RGB", 1)
        for la in labels
    ]
    rules = Rules(8, 0.96, POLICIES)
    admission = admit(
        images, labels, NONE_NEAR, rules, train_per_validation=5, tune_share=tune_share
    )
    assert {row.image for row in admission.rows} | set(admission.set_aside) == {
        label.image for label in labels
    }
    return {row.image: row.side for row in admission.rows}


@given(labels, st.floats(0, 0.9))
def test_whoever_takes_part_stands_on_the_side_that_was_given(labels, tune_share):
    found = sides_of(labels, tune_share)
    kept = [label for label in labels if label.image in found]
    tune_is_given = any(label.side == "tune" for label in kept)
    for label in kept:
        may_tune = label.side == "train" and not tune_is_given
        assert found[label.image] in ({"train", "tune"} if may_tune else {label.side})


@given(labels, st.floats(0, 0.9))
def test_no_group_of_a_given_split_stands_on_two_sides(labels, tune_share):
    found = sides_of(labels, tune_share)
    sides = defaultdict(set)
    for label in labels:
        if label.group and label.image in found:
            sides[label.group].add(found[label.image])
    assert all(len(own) == 1 for own in sides.values())


@given(labels)
def test_only_whoever_straddles_is_set_aside(labels):
    found = sides_of(labels, 0.1)
    sides = defaultdict(set)
    for label in labels:
        sides[label.group or label.image].add(label.side)
    for label in labels:
        own = sides[label.group or label.image]
        most_judging = next(s for s in ("validation", "tune", "train") if s in own)
        assert (label.image in found) == (label.side == most_judging)
