"""How much memory this process can still get, within the limits of its container."""

from collections.abc import Iterator
from pathlib import Path

_V1_RECLAIMABLE, _V2_RECLAIMABLE = "total_inactive_file", "inactive_file"


def free_memory(root: Path = Path("/")) -> int:
    """Bytes that can still be had without swapping: the machine's, or less in a container.

    A control group's own files in the page cache that nobody has used lately count as free, as
    `docker stats` and Kubernetes count them.

    Args:
        root: of the system's files.
    """
    meminfo = (root / "proc/meminfo").read_text()
    (line,) = [line for line in meminfo.splitlines() if line.startswith("MemAvailable:")]
    return max(0, min([int(line.split()[1]) * 1024, *_left_in_groups(root)]))


def _left_in_groups(root: Path) -> Iterator[int]:
    """What each control group above this process leaves, where it has a limit."""
    groups = root / "proc/self/cgroup"
    for line in groups.read_text().splitlines() if groups.exists() else []:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            top, words = root / "sys/fs/cgroup", ("memory.max", "memory.current", _V2_RECLAIMABLE)
        elif "memory" in controllers.split(","):
            top = root / "sys/fs/cgroup/memory"
            words = ("memory.limit_in_bytes", "memory.usage_in_bytes", _V1_RECLAIMABLE)
        else:
            continue
        group = top / path.lstrip("/")
        # Within a container the path may be the host's, and the group itself is the top.
        for folder in (group, *group.parents):
            if folder.is_relative_to(top):
                yield from _left(folder, *words)


def _left(group: Path, limit: str, usage: str, reclaimable: str) -> Iterator[int]:
    try:
        most = (group / limit).read_text().strip()
        used = int((group / usage).read_text())
        facts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except FileNotFoundError:  # no such group here, or one without this controller
        return
    if most != "max":
        yield int(most) - used + int(facts[reclaimable])
