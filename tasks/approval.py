"""A person's approval of a promotion: the flow pauses until somebody answers in Prefect's UI."""

import logging
from dataclasses import replace

from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from pydantic import Field

from lradapt.errors import ApprovalError
from lradapt.production.approval import settle
from lradapt.production.release import Judged

log = logging.getLogger("lradapt.production.approval")

POLL_SECONDS = 10


class Approval(RunInput):
    """The form in the UI."""

    approve: bool = Field(description="Put this version into production?")
    who: str = Field(min_length=1, description="Your name, for the log of the registry.")
    why: str = Field(default="", description="Your reason, for the log of the registry.")


def ask(judged: Judged, *, seconds: int) -> Judged:
    """A version that the gate would promote, with a person's word on it; any other as it is.

    Args:
        judged: by the gate.
        seconds: the flow pauses so long at most.

    Raises:
        ApprovalError: nobody has answered by then.
    """
    if judged.verdict.decision != "promote":
        return judged
    log.info("waiting for approval of %s, %d s: Resume in the UI", judged.version, seconds)
    try:
        word = pause_flow_run(
            wait_for_input=Approval.with_initial_data(description=_question(judged)),
            timeout=seconds,
            poll_interval=min(POLL_SECONDS, seconds),
        )
    except FlowPauseTimeout:
        raise ApprovalError(
            f"nobody has approved {judged.version} within {seconds} seconds: "
            "it stays published and out of production. Run the flow again to be asked again"
        ) from None
    verdict = settle(judged.verdict, approve=word.approve, who=word.who, why=word.why)
    return replace(judged, verdict=verdict)


def _question(judged: Judged) -> str:
    """What the person reads above the form, as Markdown."""
    champion = judged.champion.move.version if judged.champion else "nothing"
    return (
        f"Version **{judged.version}** is to take the place of **{champion}**.\n\n"
        f"The gate: {judged.verdict.why}."
    )
