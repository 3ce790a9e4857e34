"""Memory that is free for this process, within the limits of its container."""

from collections.abc import Iterator
from pathlib import Path

_V1_RECLAIMABLE, _V2_RECLAIMABLE = "total_inactive_file", "inactive_file"


def free_memory(root: Path = Path("/")) -> int:
    """Return the bytes available without swapping: of the machine, or of the container if less.

    Inactive file pages of a control group count as free, as in `docker stats` and Kubernetes.

    Args:
        root: folder that holds `proc` and `sys`.
    """
    if not (root / "proc/meminfo").exists():
        return _free_of_the_machine()
    meminfo = (root / "proc/meminfo").read_text(encoding="ascii")
    (line,) = [line for line in meminfo.splitlines() if line.startswith("MemAvailable:")]
    return max(0, min([int(line.split()[1]) * 1024, *_free_in_groups(root)]))


def _free_of_the_machine() -> int:
    import psutil

    return int(psutil.virtual_memory().available)


def _free_in_groups(root: Path) -> Iterator[int]:
    """Yield the free bytes of each control group of this process that has a limit."""
    groups = root / "proc/self/cgroup"
    for line in groups.read_text(encoding="utf-8").splitlines() if groups.exists() else []:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            top, words = root / "sys/fs/cgroup", ("memory.max", "memory.current", _V2_RECLAIMABLE)
        elif "memory" in controllers.split(","):
            top = root / "sys/fs/cgroup/memory"
            words = ("memory.limit_in_bytes", "memory.usage_in_bytes", _V1_RECLAIMABLE)
        else:
            continue
        group = top / path.lstrip("/")
        # Within a container the path may be that of the host, and the group is the top folder.
        for folder in (group, *group.parents):
            if folder.is_relative_to(top):
                yield from _free_in(folder, *words)


def _free_in(group: Path, limit: str, usage: str, reclaimable: str) -> Iterator[int]:
    try:
        most = (group / limit).read_text(encoding="ascii").strip()
        used = int((group / usage).read_text(encoding="ascii"))
        lines = (group / "memory.stat").read_text(encoding="ascii").splitlines()
    except FileNotFoundError:  # the group does not exist here, or lacks this controller
        return
    facts = dict(line.split() for line in lines)
    if most != "max":
        yield int(most) - used + int(facts[reclaimable])
