"""Asks git, in the project's folder."""

import subprocess

from lradapt.errors import LradaptError


class GitError(LradaptError):
    """Git cannot do what is asked; the text says why and what to do."""


def ask(*words: str) -> "subprocess.CompletedProcess[str]":
    """What git answers, also where it fails."""
    return subprocess.run(["git", *words], capture_output=True, text=True)


def checked(*words: str) -> str:
    """What git writes.

    Raises:
        GitError: git failed; its own words are told.
    """
    done = ask(*words)
    if done.returncode:
        raise GitError(f"git {words[0]} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout
