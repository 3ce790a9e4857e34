"""Records the versions of data and results: in DVC's remote and, on request, in git."""

import logging
from collections.abc import Sequence
from pathlib import Path

from prefect import task

from tasks import git
from tasks.git import GitError
from tasks.pipeline import dvc_commands
from tasks.pipeline.dvc_index import has_remote

log = logging.getLogger("lradapt.results")


@task(persist_result=False, retries=2, retry_delay_seconds=10)
def push(addresses: Sequence[str]) -> None:
    """Push the outputs of these nodes to DVC's remote; without one, log that they stay here."""
    if has_remote():
        dvc_commands.run("push", *addresses)
    else:
        log.info(
            "no DVC remote is set: the versions stay in this machine's cache "
            "(`dvc remote add -d NAME URL`)"
        )


def require_git() -> None:
    """Check that git could commit here; call this before a long training.

    Raises:
        GitError: this is not a working tree of git, or git has no name and address of the author.
    """
    if git.ask("rev-parse", "--is-inside-work-tree").returncode:
        raise GitError(f"{Path.cwd()} is in no git repository: `git init`, or leave out --commit")
    identities = [git.ask("var", name) for name in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT")]
    if any(done.returncode for done in identities):
        raise GitError(
            "git does not know who commits: set `git config user.name NAME` and "
            "`git config user.email ADDRESS`"
        )


@task(persist_result=False)
def commit(files: Sequence[str], message: str) -> None:
    """Commit these files, and no other changed or staged files.

    Raises:
        GitError: git failed; the message is git's.
    """
    there = [name for name in files if Path(name).exists()]
    if not there or not git.checked("status", "--porcelain", "--", *there):
        log.info("nothing to commit: no change in %s", ", ".join(there) or "any file of data")
        return
    git.checked("add", "--", *there)
    git.checked("commit", "--quiet", "--message", message, "--", *there)
    log.info("committed %s: %s", ", ".join(there), message)
