"""What differs between two versions: one example to the letter, and the properties."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lradapt.data.changes import (
    ADDED,
    CHANGED_PIXELS,
    KINDS,
    MOVED_GROUP,
    MOVED_SPLIT,
    RELABELLED,
    REMOVED,
    Change,
    ClassCount,
    Count,
    Row,
    Version,
    compare,
    count_all,
    count_classes,
    count_kinds,
    count_relabellings,
)

settings.register_profile("changes", deadline=None, derandomize=True)
settings.load_profile("changes")

OLD = Version(
    {
        "gone": Row("cat", "p1", pixel_sha256="1", split="test"),
        "mended": Row("cat", "p2", pixel_sha256="2", split="test"),
        "moved": Row("dog", "p3", pixel_sha256="3", split="train"),
        "same": Row("dog", "p4", pixel_sha256="4", split="train"),
    },
    has_pixels=True,
    has_splits=True,
)
NEW = Version(
    {
        "mended": Row("dog", "p2", pixel_sha256="2b", split="test"),
        "moved": Row("dog", "p4", pixel_sha256="3", split="train"),
        "new": Row("owl", "p5", pixel_sha256="5", split="train"),
        "same": Row("dog", "p4", pixel_sha256="4", split="validation"),
    },
    has_pixels=True,
    has_splits=True,
)

names = st.sampled_from(["a", "b", "c", "d", "e", "f"])
rows = st.builds(
    Row,
    st.sampled_from(["cat", "dog", "owl"]),
    st.sampled_from(["", "p1", "p2"]),
    st.sampled_from(["", "train"]),
    st.sampled_from(["", "1", "2"]),
    st.sampled_from(["", "train", "test"]),
)
versions = st.builds(Version, st.dictionaries(names, rows), st.booleans(), st.booleans())


def kinds(old, new):
    return {change.image: change.kinds for change in compare(old, new).rows}


def test_every_image_that_differs_is_named_with_what_became_of_it():
    assert kinds(OLD, NEW) == {
        "gone": (REMOVED,),
        "mended": (RELABELLED, CHANGED_PIXELS),
        "moved": (MOVED_GROUP,),
        "new": (ADDED,),
    }


def test_kinds_are_counted_with_those_that_stand_in_test():
    changes = compare(OLD, NEW)
    assert count_kinds(changes) == {
        ADDED: Count(1, 0),
        REMOVED: Count(1, 1),
        RELABELLED: Count(1, 1),
        MOVED_GROUP: Count(1, 0),
        CHANGED_PIXELS: Count(1, 1),
    }
    assert count_all(changes) == Count(4, 2)
    assert count_relabellings(changes) == {("cat", "dog"): Count(1, 1)}


def test_classes_are_counted_before_and_after():
    assert count_classes(compare(OLD, NEW)) == {
        "cat": ClassCount(2, 0, 0, 1, 0, 1, 0, changed=2, in_test=2, share=1.0),
        "dog": ClassCount(2, 3, 0, 0, 1, 0, 1, changed=2, in_test=1, share=2 / 3),
        "owl": ClassCount(0, 1, 1, 0, 0, 0, 0, changed=1, in_test=0, share=1.0),
    }


def test_pixels_are_compared_only_where_both_versions_know_them():
    assert CHANGED_PIXELS not in kinds(replace(OLD, has_pixels=False), NEW)["mended"]
    assert CHANGED_PIXELS not in kinds(OLD, replace(NEW, has_pixels=False))["mended"]
    assert not compare(replace(OLD, has_pixels=False), NEW).pixels_compared


def test_a_side_that_is_given_is_a_change_and_one_that_is_drawn_is_none():
    one = {"a": Row("cat", given_split="train", split="train")}
    other = {"a": Row("cat", given_split="test", split="test")}
    assert kinds(Version(one), Version(other)) == {"a": (MOVED_SPLIT,)}
    drawn = {"a": Row("cat", given_split="train", split="test")}
    assert kinds(Version(one), Version(drawn)) == {}


def test_an_image_that_leaves_test_counts_as_one_in_it():
    left = Change("a", (RELABELLED,), Row("cat", split="test"), Row("dog", split="train"))
    assert left.in_test
    assert not replace(left, before=Row("cat", split="validation")).in_test


def test_relabellings_come_with_the_most_frequent_first():
    old = {f"{number}": Row("cat" if number else "owl") for number in range(3)}
    new = {name: Row("dog") for name in old}
    assert list(count_relabellings(compare(Version(old), Version(new)))) == [
        ("cat", "dog"),
        ("owl", "dog"),
    ]


@given(versions)
def test_a_version_does_not_differ_from_itself(version):
    changes = compare(version, version)
    assert changes.rows == ()
    assert count_kinds(changes) == count_classes(changes) == count_relabellings(changes) == {}


@given(versions, versions)
def test_the_way_back_is_the_way_there_mirrored(old, new):
    turned = {ADDED: REMOVED, REMOVED: ADDED}
    there, back = compare(old, new), compare(new, old)
    assert [
        Change(row.image, tuple(turned.get(k, k) for k in row.kinds), row.after, row.before)
        for row in there.rows
    ] == list(back.rows)
    assert (there.before, there.after) == (back.after, back.before)
    for name, count in count_classes(there).items():
        mirrored = count_classes(back)[name]
        assert (count.before, count.added, count.relabelled_to) == (
            mirrored.after,
            mirrored.removed,
            mirrored.relabelled_from,
        )
        assert (count.changed, count.share) == (mirrored.changed, mirrored.share)


@given(versions, versions)
def test_the_changes_lead_from_the_old_version_to_the_new(old, new):
    rows = dict(old.rows)
    for change in compare(old, replace(new, has_pixels=True)).rows:
        rows.pop(change.image, None)
        if change.after is not None:
            rows[change.image] = change.after
    assert {name: (row.label, row.group, row.given_split) for name, row in rows.items()} == {
        name: (row.label, row.group, row.given_split) for name, row in new.rows.items()
    }


@given(versions, versions)
def test_the_counts_of_the_classes_add_up(old, new):
    changes = compare(old, new)
    for name, count in count_classes(changes).items():
        gained = count.added + count.relabelled_to
        lost = count.removed + count.relabelled_from
        assert count.before + gained - lost == count.after, name
        assert count.changed == gained + lost + count.other
        assert 0 < count.share <= 1
    assert count_all(changes).images == len(changes.rows)
    assert set(count_kinds(changes)) <= set(KINDS)


@given(versions, versions)
def test_rows_come_by_name_whatever_the_order_of_the_versions(old, new):
    backwards = Version(dict(reversed(new.rows.items())), new.has_pixels, new.has_splits)
    changes = compare(old, new)
    assert changes == compare(old, backwards)
    images = [change.image for change in changes.rows]
    assert images == sorted(set(images))


@pytest.mark.parametrize(("old", "new"), [(True, False), (False, True)])
def test_test_is_known_where_either_version_has_its_sides(old, new):
    versions = [Version(has_splits=known) for known in (old, new)]
    assert compare(*versions).test_known
    assert not compare(Version(), Version()).test_known
