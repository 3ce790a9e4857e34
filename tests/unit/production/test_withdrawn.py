import pytest

from lradapt.production.withdrawn import FAILED, ROLLED_BACK, reason, why_taken_out
from lradapt.registry.versions import Move


def moves(*each):
    """Moves to versions for reasons, the first first."""
    formers = ["", *(version for version, _ in each)]
    return [
        Move(
            seq=seq,
            version=version,
            former=former,
            model_sha256="0" * 64,
            why=why,
            who="clerk",
            when="2026-11-25T00:00:00+00:00",
        )
        for seq, ((version, why), former) in enumerate(zip(each, formers, strict=False), start=1)
    ]


@pytest.mark.parametrize("what", [FAILED, ROLLED_BACK])
def test_what_was_taken_out_stays_out_with_its_reason(what):
    why = reason("two", what, "sees owls")
    log = moves(("one", "first"), ("two", "better"), ("one", why))
    assert why_taken_out(log, "two") == why
    assert why_taken_out(log, "one") == ""
    assert why_taken_out(log, "three") == ""


def test_two_steps_back_are_remembered_both():
    log = moves(
        ("one", "first"),
        ("two", "better"),
        ("three", "better"),
        ("two", reason("three", ROLLED_BACK, "x")),
        ("one", reason("two", ROLLED_BACK, "y")),
    )
    assert why_taken_out(log, "three") == "three was rolled back: x"
    assert why_taken_out(log, "two") == "two was rolled back: y"


def test_a_later_promotion_gives_every_version_another_chance():
    log = moves(
        ("one", "first"),
        ("two", "better"),
        ("one", reason("two", ROLLED_BACK, "x")),
        ("three", "better"),
    )
    assert why_taken_out(log, "two") == ""


def test_what_was_replaced_by_a_better_one_was_not_taken_out():
    assert why_taken_out(moves(("one", "first"), ("two", "better")), "one") == ""
    assert why_taken_out([], "one") == ""
