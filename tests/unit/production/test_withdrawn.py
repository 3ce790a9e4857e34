import pytest

from lradapt.production.withdrawn import withdrawal_reason
from lradapt.registry.promotions import Promotion


def log(*each):
    """Promotions (version, kind, reason), the first one first."""
    previous = ["", *(version for version, *_ in each)]
    return [
        Promotion(
            sequence=sequence,
            kind=kind,
            version=version,
            previous=before,
            model_sha256="0" * 64,
            reason=reason,
            by="clerk",
            manifest_sha256="",
            at="2026-11-25T00:00:00+00:00",
        )
        for sequence, ((version, kind, reason), before) in enumerate(
            zip(each, previous, strict=False), start=1
        )
    ]


FIRST, BETTER = ("one", "promotion", "first"), ("two", "promotion", "better")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("rollback", "two was rolled back: sees owls"),
        ("smoke_test_failure", "two failed the smoke test: sees owls"),
    ],
)
def test_what_was_withdrawn_stays_out_with_its_reason(kind, expected):
    promotions = log(FIRST, BETTER, ("one", kind, "sees owls"))
    assert withdrawal_reason(promotions, "two") == expected
    assert withdrawal_reason(promotions, "one") == ""
    assert withdrawal_reason(promotions, "three") == ""


def test_two_steps_back_are_remembered_both():
    promotions = log(
        FIRST,
        BETTER,
        ("three", "promotion", "better"),
        ("two", "rollback", "x"),
        ("one", "rollback", "y"),
    )
    assert withdrawal_reason(promotions, "three") == "three was rolled back: x"
    assert withdrawal_reason(promotions, "two") == "two was rolled back: y"


@pytest.mark.parametrize("kind", ["promotion", "override"])
def test_a_later_promotion_gives_every_version_another_chance(kind):
    promotions = log(FIRST, BETTER, ("one", "rollback", "x"), ("three", kind, "better"))
    assert withdrawal_reason(promotions, "two") == ""


def test_a_reason_in_the_words_of_a_withdrawal_withdraws_nothing():
    promotions = log(FIRST, ("two", "promotion", "one was rolled back: x"))
    assert withdrawal_reason(promotions, "one") == ""


def test_what_was_replaced_by_a_better_one_was_not_withdrawn():
    assert withdrawal_reason(log(FIRST, BETTER), "one") == ""
    assert withdrawal_reason([], "one") == ""
