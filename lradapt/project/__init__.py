"""A project of one's own: its files, how it is made, and how it is brought to a newer lradapt."""

from lradapt.errors import LradaptError


class ProjectError(LradaptError):
    """A project that cannot be made or upgraded; the message has the reason and the remedy."""
