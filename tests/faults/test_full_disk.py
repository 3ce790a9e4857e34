"""A disk that is full: one message, nothing that looks finished, and nothing half written left."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lradapt.data.images.decode import Preprocessing
from lradapt.data.images.ingest import ingest
from lradapt.data.importing.from_folder import label_folder
from lradapt.data.importing.importers import import_files
from lradapt.errors import DiskFullError
from lradapt.runtime.files import write_text

ROOT = Path(__file__).parents[2]
HOW = Preprocessing(input_size=64, max_megapixels=1)  # a row takes 12 KiB


@pytest.fixture
def disk(tmp_path):
    """A disk of 1 MiB, which only root may mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here: it needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def images(tmp_path, random_image):
    """A hundred images: 1.2 MiB of rows."""
    folder = tmp_path / "images"
    folder.mkdir()
    for seed in range(100):
        random_image(seed).save(folder / f"{seed:03d}.png")
    return folder


def fill(folder, left):
    """Leave so many bytes of the disk."""
    (folder / "ballast").write_bytes(bytes(shutil.disk_usage(folder).free - left))


def test_pixels_that_do_not_fit_are_refused_before_an_image_is_decoded(disk, images):
    (disk / "pixels.npy").write_text("former")
    with pytest.raises(DiskFullError) as caught:
        ingest(images, pixels=disk / "pixels.npy", table=disk / "images.csv", how=HOW)
    assert str(caught.value) == (
        f"pixels.npy needs 1.2 MiB, but only 1.0 MiB are free in {disk}. Free some space and run "
        "again"
    )
    assert [path.name for path in disk.iterdir()] == ["pixels.npy"]
    assert (disk / "pixels.npy").read_text() == "former"


def test_a_table_that_does_not_fit_takes_the_pixels_with_it(disk, images, tmp_path):
    fill(disk, 4096)
    pixels = tmp_path / "pixels.npy"
    long = images / ("x" * 60)
    long.mkdir()
    for path in list(images.glob("*.png")):
        path.rename(long / path.name)
    with pytest.raises(DiskFullError, match=r"the disk is full: 0\.0 MiB were free in .*images\.c"):
        ingest(images, pixels=pixels, table=disk / "images.csv", how=HOW)
    assert [path.name for path in disk.iterdir()] == ["ballast"]
    assert not pixels.exists()
    assert list(tmp_path.glob(".pixels*")) == []


def test_what_is_reserved_is_written_even_if_the_disk_fills_up_meanwhile(disk, images, tmp_path):
    code = (
        "import sys, shutil\n"
        "from pathlib import Path\n"
        "import numpy as np\n"
        "from lradapt.runtime.files import reserve\n"
        "disk = Path(sys.argv[1])\n"
        "rows = np.lib.format.open_memmap(disk / 'a.npy', mode='w+', dtype=np.uint8,"
        " shape=(500_000,))\n"
        "reserve(disk / 'a.npy')\n"
        "(disk / 'ballast').write_bytes(bytes(shutil.disk_usage(disk).free))\n"
        "rows[:] = 7\n"
        "print(int(rows.sum()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, disk],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stdout) == (0, "3500000\n"), done.stderr  # -7 is SIGBUS


def test_a_text_that_does_not_fit_leaves_the_former(disk):
    (disk / "a.txt").write_text("former")
    with pytest.raises(
        DiskFullError, match=r"while .*a\.txt was written; the partial file was removed"
    ):
        write_text(disk / "a.txt", "x" * 2_000_000)
    assert [path.name for path in disk.iterdir()] == ["a.txt"]
    assert (disk / "a.txt").read_text() == "former"


def test_weights_that_do_not_fit_are_reported_alike(disk):
    import torch
    from safetensors.torch import save_file

    from lradapt.runtime.files import whole_file

    path = disk / "model.safetensors"
    with pytest.raises(DiskFullError, match="the disk is full"), whole_file(path) as partial:
        save_file({"weight": torch.zeros(1_000_000)}, partial)
    assert list(disk.iterdir()) == []


def test_images_that_do_not_fit_leave_what_was_imported_before(disk, tmp_path):
    former = disk / "data/images/old/1.png"
    former.parent.mkdir(parents=True)
    former.write_text("former")
    for name in ("cat/1.png", "dog/1.png"):
        (tmp_path / "source" / name).parent.mkdir(parents=True)
        (tmp_path / "source" / name).write_bytes(bytes(700_000))
    source = label_folder(tmp_path / "source")
    with pytest.raises(DiskFullError, match=r"the disk is full: .*data/images was written"):
        import_files(source, images=disk / "data/images", labels=disk / "data/labels.csv")
    assert [path for path in disk.rglob("*") if path.is_file()] == [former]
