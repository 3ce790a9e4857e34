import pytest

from lradapt.runtime.system.memory import free_memory

GB = 2**30


@pytest.fixture
def system(tmp_path):
    """A function: a system with 8 GB free and these files besides."""

    def make(**files):
        for name, text in {"proc/meminfo": f"MemAvailable: {8 * GB // 1024} kB\n", **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return make


def group(folder, limit, used, reclaimable, version=2):
    words = ("memory.max", "memory.current", "inactive_file")
    if version == 1:
        words = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    stat = f"file 1\n{words[2]} {reclaimable}\n"
    return {
        f"{folder}/{words[0]}": f"{limit}\n",
        f"{folder}/{words[1]}": f"{used}\n",
        f"{folder}/memory.stat": stat,
    }


def test_without_groups_it_is_the_memory_available_on_the_machine(system):
    assert free_memory(system()) == 8 * GB


def test_on_this_machine_it_is_between_zero_and_the_total():
    with open("/proc/meminfo") as file:
        total = int(file.readline().split()[1]) * 1024
    assert 0 < free_memory() < total


def test_a_container_has_its_limit_minus_its_use_without_inactive_files(system):
    files = group("sys/fs/cgroup/job", 4 * GB, 3 * GB, GB)
    root = system(**{"proc/self/cgroup": "0::/job\n", **files})
    assert free_memory(root) == 2 * GB


def test_a_limit_of_a_group_above_counts_too(system):
    files = {
        **group("sys/fs/cgroup/pod/job", "max", GB, 0),
        **group("sys/fs/cgroup/pod", 3 * GB, 2 * GB, 0),
    }
    assert free_memory(system(**{"proc/self/cgroup": "0::/pod/job\n", **files})) == GB


def test_within_a_container_whose_path_is_the_hosts_the_top_is_the_group(system):
    files = group("sys/fs/cgroup/memory", 4 * GB, GB, 0, version=1)
    lines = "9:name=systemd:/\n4:cpu,memory:/docker/0123\n0::/\n"
    assert free_memory(system(**{"proc/self/cgroup": lines, **files})) == 3 * GB


def test_a_group_without_a_limit_has_the_memory_of_the_machine(system):
    files = group("sys/fs/cgroup/job", "max", 3 * GB, 0)
    assert free_memory(system(**{"proc/self/cgroup": "0::/job\n", **files})) == 8 * GB


def test_a_container_beyond_its_limit_has_nothing(system):
    files = group("sys/fs/cgroup/job", GB, 2 * GB, 0)
    assert free_memory(system(**{"proc/self/cgroup": "0::/job\n", **files})) == 0
