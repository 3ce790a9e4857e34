"""Groups: images that belong together."""

import hashlib

from lradapt.data.groups import find_groups, group_numbers, mark_joined
from lradapt.data.labelled_image import LabelledImage


def sha(text):
    return hashlib.sha256(str(text).encode()).hexdigest()


def image(label, pixel_sha256, group=""):
    return LabelledImage("", label, group, pixel_sha256=pixel_sha256)


def test_a_group_counts_to_its_rarest_class():
    images = [image("ant", sha(n)) for n in range(20)]
    images += [image("zebra", sha("x"), "g"), image("ant", sha("y"), "g")]
    assert [g.label for g in find_groups(images) if len(g.members) == 2] == ["zebra"]


def test_classes_of_one_size_are_told_apart_by_name():
    images = [image("b", sha(1), "g"), image("a", sha(2), "g")]
    assert find_groups(images)[0].label == "a"


def test_duplicates_join_the_groups_they_stand_in():
    chain = [
        image("cat", sha(1), "a"),
        image("cat", sha(2), "a"),
        image("cat", sha(2), "b"),
        image("cat", sha(3), "b"),
        image("cat", sha(3)),
        image("cat", sha(4)),
    ]
    assert sorted(g.members for g in find_groups(chain)) == [(0, 1, 2, 3, 4), (5,)]


def test_a_name_of_a_group_is_no_pixel_hash():
    images = [image("cat", sha(1), sha(2)), image("cat", sha(2))]
    assert len(find_groups(images)) == 2


def test_images_of_a_group_and_duplicates_have_one_number_and_others_their_own():
    images = [
        image("cat", "11", "anna"),
        image("cat", "22", "anna"),
        image("cat", "33"),
        image("cat", "44", "dora"),
        image("cat", "22", "bert"),  # a duplicate of the second
        image("cat", "55"),
    ]
    anna, same, third, dora, duplicate, fifth = group_numbers(images)
    assert anna == same == duplicate
    assert sorted([anna, third, dora, fifth]) == [0, 1, 2, 3]


def test_groups_that_other_images_alone_join_stay_joined_without_them():
    kept = [
        image("cat", "11", "anna"),
        image("cat", "22", "bert"),
        image("cat", "33"),
        image("cat", "44", "dora"),
        image("cat", "44", "emil"),  # joined by an image that is kept
        image("cat", "55", "fred"),
    ]
    aside = [image("cat", "33", "bert"), image("cat", "66", "anna"), image("cat", "66", "bert")]
    marked = mark_joined(kept, [*aside, image("cat", "77", "fred"), image("cat", "77", "gina")])
    assert [each.joined != "" for each in marked] == [True] * 3 + [False] * 3
    assert len({each.joined for each in marked[:3]}) == 1
    anna, bert, third, dora, emil, fred = group_numbers(marked)
    assert anna == bert == third
    assert dora == emil
    assert len({anna, dora, fred}) == 3
    assert len(set(group_numbers(marked[1:3]))) == 1
    assert [each.group for each in marked] == [each.group for each in kept]
