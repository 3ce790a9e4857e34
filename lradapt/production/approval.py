"""A person's decision on a promotion that the gate allows."""

from dataclasses import replace

from lradapt.gate.verdict import Verdict


def with_approval(verdict: Verdict, *, approve: bool, by: str, reason: str) -> Verdict:
    """Return the verdict with a person's decision added; a refusal keeps the champion.

    Args:
        verdict: of the gate; its decision is "promote".
        approve: whether the version may go into production.
        by: name of the person.
        reason: in the person's words; may be empty.
    """
    decision = f"{'approved' if approve else 'refused'} by {by}" + (f": {reason}" if reason else "")
    return replace(
        verdict,
        decision="promote" if approve else "keep",
        reason=f"{verdict.reason}; {decision}",
    )
