"""A version that a smoke test or a person has withdrawn from production stays out.

The gate would find it better again each night. A later promotion gives every version a new chance.
"""

from collections.abc import Sequence

from lradapt.registry.promotions import Promotion, PromotionKind

_WITHDRAWALS: dict[PromotionKind, str] = {
    "rollback": "was rolled back",
    "smoke_test_failure": "failed the smoke test",
}


def withdrawal_reason(promotions: Sequence[Promotion], version: str) -> str:
    """Return why `version` was withdrawn since the last promotion; empty if it was not."""
    for promotion in reversed(promotions):
        if promotion.kind == "key_change":
            continue
        if promotion.kind not in _WITHDRAWALS:
            return ""
        if promotion.previous == version:
            return f"{version} {_WITHDRAWALS[promotion.kind]}: {promotion.reason}"
    return ""
