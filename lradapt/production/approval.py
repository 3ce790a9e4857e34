"""A person's word on a verdict: what becomes of it."""

from dataclasses import replace

from lradapt.gate.verdict import Verdict


def settle(verdict: Verdict, *, approve: bool, who: str, why: str) -> Verdict:
    """The verdict with a person's word: the reason names both, and a refusal keeps what is there.

    Args:
        verdict: of the gate; it says "promote".
        approve: whether the version may go into production.
        who: says so.
        why: in their words; may be empty.
    """
    word = f"{'approved' if approve else 'refused'} by {who}" + (f": {why}" if why else "")
    return replace(
        verdict,
        decision="promote" if approve else "keep",
        why=f"{verdict.why}; {word}",
    )
