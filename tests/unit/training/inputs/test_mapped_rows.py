import numpy as np
import pytest
import torch

from lradapt.training.inputs.mapped_rows import MappedRows

CPU = torch.device("cpu")


def mapped(tmp_path, array):
    np.save(tmp_path / "array.npy", array)
    return np.load(tmp_path / "array.npy", mmap_mode="r")


def itself(indices):
    return indices


def test_batches_are_the_rows_asked_for_in_their_order(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (9, 2, 2, 3), dtype=np.uint8)
    some = MappedRows(mapped(tmp_path, array), np.array([8, 1, 4, 0]), CPU)
    wanted = [torch.tensor([3, 0]), torch.tensor([2, 2, 1]), torch.tensor([], dtype=torch.int64)]
    found = [rows.numpy() for _, rows in some.batches(wanted, itself)]
    assert [rows.dtype for rows in found] == [np.uint8] * 3
    for rows, numbers in zip(found, [[0, 8], [4, 4, 1], []], strict=True):
        assert np.array_equal(rows, array[numbers])


def test_a_batch_handed_out_stays_as_it_is_while_others_are_read(tmp_path):
    some = MappedRows(mapped(tmp_path, np.arange(6, dtype=np.uint8)[:, None]), np.arange(6), CPU)
    wanted = [torch.tensor([number]) for number in range(6)]
    kept = [rows for _, rows in some.batches(wanted, itself)]
    assert [rows.item() for rows in kept] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("rows", [[0, 6], [-1]])
def test_rows_that_the_array_does_not_have_are_a_bug(tmp_path, rows):
    array = mapped(tmp_path, np.zeros((6, 1), dtype=np.uint8))
    with pytest.raises(AssertionError, match="outside the 6"):
        MappedRows(array, np.array(rows), CPU)


def test_a_process_that_reads_every_row_never_holds_the_file(tmp_path):
    num_rows, size = 96, 2**20
    with (tmp_path / "array.npy").open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (num_rows, size)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + num_rows * size)  # a file of zeros that takes no room
    array = np.load(tmp_path / "array.npy", mmap_mode="r")
    some, held = MappedRows(array, np.arange(num_rows), CPU), []
    before = mapped_megabytes()
    for _, _ in some.batches(torch.arange(num_rows).split(4), itself):
        held.append(mapped_megabytes() - before)
    assert max(held) < 24, f"{max(held):.0f} of 96 MB of the file were held at once"


def mapped_megabytes():
    """Of files, that this process holds in memory."""
    with open("/proc/self/status") as file:
        (line,) = [line for line in file if line.startswith("RssFile:")]
    return int(line.split()[1]) / 1024


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_batches_on_a_gpu_are_the_rows_asked_for_while_it_computes(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (256, 64, 64, 3), dtype=np.uint8)
    device = torch.device("cuda")
    some = MappedRows(mapped(tmp_path, array), np.arange(256), device)
    work = torch.rand(4096, 4096, device=device)
    wanted = torch.randperm(256, generator=torch.Generator().manual_seed(0)).repeat(8).split(128)
    kept = []
    for _, rows in some.batches(wanted, itself):
        work = work @ work / work.norm()  # keeps the GPU behind the thread that reads
        kept.append(rows)
    for indices, rows in zip(wanted, kept, strict=True):
        assert np.array_equal(rows.cpu().numpy(), array[indices.numpy()])
