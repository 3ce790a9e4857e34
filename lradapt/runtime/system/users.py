"""Users and the permissions of files, where the system has them as Unix does."""

import os
import stat


def user_number() -> str:
    """Return the number of this process's user; empty where users have no numbers."""
    return str(os.getuid()) if hasattr(os, "getuid") else ""


def others_may_write(found: os.stat_result) -> bool:
    """Return whether every user of the machine may write a file.

    False where a mode says nothing about other users, as on Windows: the folder protects it there.
    """
    return bool(_mode(found) & stat.S_IWOTH)


def others_may_reach(found: os.stat_result) -> bool:
    """Return whether others than its owner may read or write a file; else see above."""
    return bool(_mode(found) & (stat.S_IRWXG | stat.S_IRWXO))


def _mode(found: os.stat_result) -> int:
    return found.st_mode if hasattr(os, "getuid") else 0
