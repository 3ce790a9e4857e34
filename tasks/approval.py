"""A person's approval of a promotion: the flow pauses until somebody answers in Prefect's UI."""

import logging
from dataclasses import replace

from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from pydantic import Field

from lradapt.errors import ApprovalError
from lradapt.production.approval import with_approval
from lradapt.production.challenger import EvaluatedChallenger

log = logging.getLogger("lradapt.production.approval")

POLL_SECONDS = 10


class Approval(RunInput):
    """The form in the UI."""

    approve: bool = Field(description="Put this version into production?")
    by: str = Field(min_length=1, description="Your name, for the log of the registry.")
    reason: str = Field(default="", description="Your reason, for the log of the registry.")


def ask(challenger: EvaluatedChallenger, *, seconds: int) -> EvaluatedChallenger:
    """Ask a person about a version that the gate would promote; return any other as it is.

    Raises:
        ApprovalError: nobody has answered by then.
    """
    if challenger.verdict.decision != "promote":
        return challenger
    version = challenger.version
    log.info("waiting for approval of %s, %d s: Resume in the UI", version, seconds)
    try:
        answer = pause_flow_run(
            wait_for_input=Approval.with_initial_data(description=_question(challenger)),
            timeout=seconds,
            poll_interval=min(POLL_SECONDS, seconds),
        )
    except FlowPauseTimeout as error:
        raise ApprovalError(
            f"nobody has approved {version} within {seconds} seconds: it is published, but not in "
            "production. Run the flow again to be asked again"
        ) from error
    verdict = with_approval(
        challenger.verdict, approve=answer.approve, by=answer.by, reason=answer.reason
    )
    return replace(challenger, verdict=verdict)


def _question(challenger: EvaluatedChallenger) -> str:
    """Return what the person reads above the form, as Markdown."""
    champion = challenger.champion.version if challenger.champion else "nothing"
    return (
        f"Version **{challenger.version}** would replace **{champion}** in production.\n\n"
        f"The gate: {challenger.verdict.reason}."
    )
