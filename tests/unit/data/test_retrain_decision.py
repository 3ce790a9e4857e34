"""When changes require a retraining, and the reason in words."""

from lradapt.data.changes import Version, compare
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.retrain_decision import Decision, decide

OLD = {f"{number:02d}": ("cat" if number < 4 else "dog", "") for number in range(20)}


def version(rows, test=()):
    images = {name: LabelledImage(name, label, group) for name, (label, group) in rows.items()}
    return Version(images, dict.fromkeys(test, "test"), has_splits=True)


def decided(new, test=(), **thresholds):
    changes = compare(version(OLD), version(OLD | new, test))
    defaults = {"min_changes": 3, "min_class_share": 0.5, "test_relabels": True}
    return decide(changes, **defaults | thresholds)


ONE = {"10": ("owl", "")}
THREE = ONE | {"11": ("dog", "p1"), "12": ("dog", "p1")}
RELABELLED = {"10": ("cat", "")}


def test_no_change_is_no_training():
    assert decided({}) == Decision(False, "nothing has changed since the last training")


def test_the_least_count_is_enough():
    assert decided(THREE, min_class_share=1.0).retrain is True  # owl is all new
    moved = {f"1{n}": ("dog", "p1") for n in range(3)}
    assert decided(moved) == Decision(True, "changes: 3, threshold: 3")


def test_below_every_threshold_all_are_named():
    assert decided({"10": ("dog", "p1"), "11": ("dog", "p1")}) == Decision(
        False,
        "changes: 2, threshold: 3; changed of class dog: 12.5%, threshold: 50.0%; "
        "relabelled in test: 0",
    )


def test_the_least_share_of_any_one_class_is_enough():
    half = {"00": ("cat", "p1"), "01": ("cat", "p1")}
    assert decided(half) == Decision(True, "changed of class cat: 50.0%, threshold: 50.0%")
    assert not decided(half, min_class_share=0.51).retrain


def test_a_new_class_has_changed_as_a_whole():
    assert decided(ONE) == Decision(True, "changed of class owl: 100.0%, threshold: 50.0%")


def test_one_relabelled_test_image_is_enough_unless_the_params_ignore_it():
    assert decided(RELABELLED, ["10"]) == Decision(True, "relabelled in test: 1")
    ignored = decided(RELABELLED, ["10"], test_relabels=False)
    assert not ignored.retrain
    assert ignored.reason.endswith("; relabelled in test: 1, ignored by watch.test_relabels")


def test_another_change_in_test_is_no_relabelling():
    assert not decided({"10": ("dog", "p1")}, ["10"]).retrain


def test_all_thresholds_that_are_reached_are_named():
    assert decided(THREE | {"13": ("cat", "")}, ["13"]) == Decision(
        True,
        "changes: 4, threshold: 3; changed of class owl: 100.0%, threshold: 50.0%; "
        "relabelled in test: 1",
    )


def test_images_on_which_annotators_are_tied_count_as_changes_of_no_class():
    assert decided({f"9{n}": ("", "") for n in range(3)}) == Decision(
        True, "changes: 3, threshold: 3"
    )
