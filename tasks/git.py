"""Runs git in the project's folder."""

import subprocess

from lradapt.errors import LradaptError


class GitError(LradaptError):
    """A git command failed, or would fail; the message has the reason."""


def ask(*words: str) -> "subprocess.CompletedProcess[str]":
    """Return the result of a git command, also of a failed one."""
    return subprocess.run(["git", *words], capture_output=True, text=True)


def checked(*words: str) -> str:
    """Return the output of a git command.

    Raises:
        GitError: the command failed; the message is git's.
    """
    done = ask(*words)
    if done.returncode:
        raise GitError(f"git {words[0]} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout
