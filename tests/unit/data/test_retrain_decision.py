"""When changes are worth a training, and the sentence that says so."""

from lradapt.data.changes import Row, Version, compare
from lradapt.data.retrain_decision import Decision, decide

OLD = {f"{number:02d}": Row("cat" if number < 4 else "dog", split="train") for number in range(20)}


def decided(new, **thresholds):
    changes = compare(Version(OLD, has_splits=True), Version(OLD | new, has_splits=True))
    asked = {"min_changes": 3, "min_class_share": 0.5, "test_relabels": True}
    return decide(changes, **asked | thresholds)


ONE = {"10": Row("owl", split="train")}
TWO = ONE | {"11": Row("dog", "p1", split="train")}
THREE = TWO | {"12": Row("dog", "p1", split="train")}
IN_EXAM = {"10": Row("cat", split="test")}


def test_no_change_is_no_training():
    assert decided({}) == Decision(False, "nothing has changed since the last training")


def test_the_least_count_is_enough():
    assert decided(THREE, min_class_share=1.0).retrain is True  # owl is all new
    assert decided({f"1{n}": Row("dog", "p1") for n in range(3)}) == Decision(
        True, "changes: 3, asked for: 3"
    )


def test_below_every_threshold_each_is_told():
    assert decided({"10": Row("dog", "p1"), "11": Row("dog", "p1")}) == Decision(
        False,
        "changes: 2, asked for: 3; changed of class dog: 12.5%, asked for: 50.0%; "
        "relabelled in test: 0",
    )


def test_the_least_share_of_any_one_class_is_enough():
    half = {"00": Row("cat", "p1"), "01": Row("cat", "p1")}
    assert decided(half) == Decision(True, "changed of class cat: 50.0%, asked for: 50.0%")
    assert not decided(half, min_class_share=0.51).retrain


def test_a_new_class_has_changed_as_a_whole():
    assert decided(ONE) == Decision(True, "changed of class owl: 100.0%, asked for: 50.0%")


def test_one_other_label_in_test_is_enough_where_it_is_asked_for():
    assert decided(IN_EXAM) == Decision(True, "relabelled in test: 1")
    declined = decided(IN_EXAM, test_relabels=False)
    assert not declined.retrain
    assert declined.why.endswith("; relabelled in test: 1, not asked for")


def test_another_change_in_test_is_no_relabelling():
    assert not decided({"10": Row("dog", "p1", split="test")}).retrain


def test_all_that_is_reached_is_told():
    new = THREE | {"13": Row("cat", split="test")}
    assert decided(new) == Decision(
        True,
        "changes: 4, asked for: 3; changed of class owl: 100.0%, asked for: 50.0%; "
        "relabelled in test: 1",
    )
