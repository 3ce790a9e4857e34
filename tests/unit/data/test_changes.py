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
    Version,
    compare,
    count_all,
    count_classes,
    count_kinds,
    count_relabellings,
)
from lradapt.data.labelled_image import Annotation, LabelledImage

settings.register_profile("changes", deadline=None, derandomize=True)
settings.load_profile("changes")


def version(rows, has_pixels=False, has_splits=False):
    """A version from name -> (label, group, given split, pixels, assigned split)."""
    return Version(
        {name: LabelledImage(name, *row[:4]) for name, row in rows.items()},
        {name: row[4] for name, row in rows.items() if row[4:]},
        has_pixels,
        has_splits,
    )


OLD = version(
    {
        "gone": ("cat", "p1", "", "1", "test"),
        "mended": ("cat", "p2", "", "2", "test"),
        "moved": ("dog", "p3", "", "3", "train"),
        "same": ("dog", "p4", "", "4", "train"),
    },
    has_pixels=True,
    has_splits=True,
)
NEW = version(
    {
        "mended": ("dog", "p2", "", "2b", "test"),
        "moved": ("dog", "p4", "", "3", "train"),
        "new": ("owl", "p5", "", "5", "train"),
        "same": ("dog", "p4", "", "4", "validation"),
    },
    has_pixels=True,
    has_splits=True,
)

rows = st.tuples(
    st.sampled_from(["cat", "dog", "owl"]),
    st.sampled_from(["", "p1", "p2"]),
    st.sampled_from(["", "train"]),
    st.sampled_from(["", "1", "2"]),
    st.sampled_from(["", "train", "test"]),
)
versions = st.builds(
    version, st.dictionaries(st.sampled_from("abcdef"), rows), st.booleans(), st.booleans()
)


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


def test_a_given_split_is_a_change_and_a_drawn_one_is_none():
    one = version({"a": ("cat", "", "train", "", "train")})
    assert kinds(one, version({"a": ("cat", "", "test", "", "test")})) == {"a": (MOVED_SPLIT,)}
    assert kinds(one, version({"a": ("cat", "", "train", "", "test")})) == {}


def test_an_image_that_leaves_test_counts_as_one_in_it():
    left = Change("a", (RELABELLED,), None, None, "test", "train")
    assert left.in_test
    assert not replace(left, split_before="validation").in_test


def test_relabellings_come_with_the_most_frequent_first():
    old = version({f"{number}": ("cat" if number else "owl",) for number in range(3)})
    new = version({f"{number}": ("dog",) for number in range(3)})
    found = list(count_relabellings(compare(old, new)))
    assert found == [("cat", "dog"), ("owl", "dog")]


@given(versions)
def test_a_version_does_not_differ_from_itself(version):
    changes = compare(version, version)
    assert changes.rows == ()
    assert count_kinds(changes) == count_classes(changes) == count_relabellings(changes) == {}


@given(versions, versions)
def test_the_way_back_is_the_way_there_mirrored(old, new):
    turned = {ADDED: REMOVED, REMOVED: ADDED}
    there, back = compare(old, new), compare(new, old)
    for row, mirror in zip(there.rows, back.rows, strict=True):
        assert mirror.kinds == tuple(turned.get(kind, kind) for kind in row.kinds)
        assert (mirror.before, mirror.after) == (row.after, row.before)
        assert (mirror.split_before, mirror.split_after) == (row.split_after, row.split_before)
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
    images = dict(old.images)
    for change in compare(old, new).rows:
        images.pop(change.image, None)
        if change.after is not None:
            images[change.image] = change.after
    assert {name: (each.label, each.group, each.split) for name, each in images.items()} == {
        name: (each.label, each.group, each.split) for name, each in new.images.items()
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
    backwards = replace(new, images=dict(reversed(new.images.items())))
    changes = compare(old, new)
    assert changes == compare(old, backwards)
    images = [change.image for change in changes.rows]
    assert images == sorted(set(images))


@pytest.mark.parametrize(("old", "new"), [(True, False), (False, True)])
def test_test_is_known_where_either_version_has_its_sides(old, new):
    versions = [Version(has_splits=known) for known in (old, new)]
    assert compare(*versions).test_known
    assert not compare(Version(), Version()).test_known


def test_a_new_consensus_is_a_relabelling_and_a_vote_that_changes_none_is_no_change():
    def voted(**labels):
        return tuple(Annotation(name, label) for name, label in labels.items())

    two = LabelledImage("a", "cat", annotations=voted(bob="cat", eva="cat"))
    three = replace(two, annotations=voted(bob="cat", eva="cat", jo="dog"))
    tied = replace(two, label="", annotations=voted(bob="cat", eva="dog"))
    other = replace(two, label="dog", annotations=voted(bob="dog", eva="dog"))
    versions = {name: Version({"a": image}) for name, image in locals().items() if name != "voted"}
    assert not compare(versions["two"], versions["three"]).rows
    found = compare(versions["two"], versions["other"])
    assert count_relabellings(found) == {("cat", "dog"): Count(1, 0)}
    tie = compare(versions["two"], versions["tied"])
    assert count_relabellings(tie) == {("cat", ""): Count(1, 0)}
    assert list(count_classes(tie)) == ["cat"]
