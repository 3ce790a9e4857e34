from lradapt.gate.exam import ExamImage, Learnt, group_numbers, part_of, unseen


def seen(hashes=(), groups=()):
    return Learnt(frozenset(hashes), frozenset(groups))


def image(name, pixel_sha256, group="", label="cat"):
    return ExamImage(name, label, pixel_sha256, group)


def test_images_that_either_has_learnt_from_are_left_out():
    exam = [image("a", "11"), image("b", "22"), image("c", "33"), image("d", "44")]
    left = unseen(exam, [seen(["11"]), seen(["33"])])
    assert [image.image for image in left] == ["b", "d"]


def test_images_of_a_group_that_either_has_learnt_from_are_left_out():
    exam = [image("a", "11", "anna"), image("b", "22", "bert"), image("c", "33", "carl")]
    left = unseen(exam, [seen(groups=["anna"]), seen(groups=["carl"])])
    assert [image.image for image in left] == ["b"]


def test_the_empty_group_matches_nothing():
    exam = [image("a", "11"), image("b", "22", "bert")]
    assert unseen(exam, [seen(["99"], ["", "bert"])]) == exam[:1]


def test_images_of_a_group_and_pixel_twins_have_one_number_and_others_their_own():
    exam = [
        image("a", "11", "anna"),
        image("b", "22", "anna"),
        image("c", "33"),
        image("d", "44", "dora"),
        image("twin of b", "22", "bert"),
        image("e", "55"),
    ]
    anna, same, third, dora, twin, fifth = group_numbers(exam)
    assert anna == same == twin
    assert len({anna, third, dora, fifth}) == 4
    assert sorted({anna, third, dora, fifth}) == [0, 1, 2, 3]


def test_an_image_is_old_new_or_relabelled():
    known = {"11": "cat", "22": "dog"}
    assert part_of(image("a", "11"), known) == "old"
    assert part_of(image("b", "22"), known) == "relabelled"
    assert part_of(image("c", "33"), known) == "new"
