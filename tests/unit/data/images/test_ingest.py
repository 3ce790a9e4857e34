"""Row i of the pixels belongs to line i of the table, whatever the files are."""

import errno
import hashlib
import os
import subprocess
import sys
import unicodedata
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from PIL import ExifTags, Image

from lradapt.data.images.decode import Preprocessing, decode, decode_with_storage
from lradapt.data.images.files import list_files
from lradapt.data.images.fit import fit_square
from lradapt.data.images.image_table import (
    OK,
    PIXELS,
    TABLE,
    ImageRow,
    depth_range_of,
    file_keys,
    read_table,
)
from lradapt.data.images.ingest import ingest
from lradapt.errors import DataError, UnreadableError
from lradapt.runtime.row_cache import NOTHING, Kept

HOW = Preprocessing(input_size=8, max_megapixels=1)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    return folder


@pytest.fixture
def run(folder, tmp_path):
    """A function: ingest the folder; the pixels and the table."""

    def ingested(num_workers=1, name="run"):
        pixels, table = tmp_path / name / "pixels.npy", tmp_path / name / "images.csv"
        num = ingest(folder, pixels=pixels, table=table, how=HOW, num_workers=num_workers)
        rows = read_table(table)
        assert num == len(rows)
        return np.load(pixels), rows

    return ingested


def verdicts(rows):
    return {row.image: row.verdict for row in rows}


def expected_row(path):
    image = decode(path.read_bytes(), max_megapixels=1)
    return np.asarray(fit_square(image, 8))


def test_words_that_repeat_are_kept_once(folder, run, random_image):
    tags = Image.Exif()
    tags[ExifTags.Base.Model] = "a camera"
    for seed, name in enumerate(("a.png", "b.png")):
        random_image(seed).save(folder / name, exif=tags)
    _, (one, other) = run()
    assert (one.verdict, one.format, one.mode, one.camera) == (OK, "PNG", "RGB", "a camera")
    assert all(
        getattr(one, word) is getattr(other, word)
        for word in ("verdict", "format", "mode", "camera")
    )


def test_row_i_of_the_pixels_belongs_to_line_i_of_the_table(folder, run, random_image):
    for seed, name in enumerate(["z.png", "a.jpg", "b/c.png", "b.png", "B.webp"]):
        (folder / name).parent.mkdir(exist_ok=True)
        random_image(seed).save(folder / name)
    pixels, rows = run()
    assert [row.image for row in rows] == ["B.webp", "a.jpg", "b.png", "b/c.png", "z.png"]
    assert (pixels.shape, pixels.dtype) == ((5, 8, 8, 3), np.uint8)
    for row, square in zip(rows, pixels, strict=True):
        np.testing.assert_array_equal(square, expected_row(folder / row.image))


def test_a_line_of_the_table_says_all_of_an_image(folder, run, random_image):
    random_image(0).save(folder / "a.png")
    _, rows = run()
    full = hashlib.sha256(b"20x16 RGB\n" + random_image(0).tobytes()).hexdigest()
    file = hashlib.sha256((folder / "a.png").read_bytes()).hexdigest()
    row = ImageRow("a.png", file, full, 20, 16, OK, "", "PNG", "RGB", 1, fit="crop")
    assert rows == [row._replace(num_bytes=(folder / "a.png").stat().st_size)]


def test_a_table_of_another_version_is_refused_with_its_remedy(folder, run, random_image, tmp_path):
    random_image(0).save(folder / "a.png")
    run()
    table = tmp_path / "run" / "images.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join(line.rsplit(",", 2)[0] for line in lines) + "\n")
    with pytest.raises(
        DataError, match=r"missing: camera, num_bytes; unknown: none\). Run `make r"
    ):
        read_table(table)
    table.write_text("\n".join([f"{lines[0]},later", f"{lines[1]},1"]) + "\n")
    with pytest.raises(DataError, match=r"missing: none; unknown: later\)"):
        read_table(table)


def test_duplicates_in_other_formats_have_one_pixel_hash(folder, run, random_image):
    random_image(0).save(folder / "a.png")
    random_image(0).save(folder / "b.bmp")
    random_image(0).resize((16, 20)).save(folder / "c.png")
    _, (a, b, c) = run()
    assert a.pixel_sha256 == b.pixel_sha256 != c.pixel_sha256
    assert a.file_sha256 != b.file_sha256


def test_the_shape_is_part_of_the_pixel_hash(folder, run):
    Image.new("RGB", (4, 6)).save(folder / "high.png")
    Image.new("RGB", (6, 4)).save(folder / "wide.png")
    _, (high, wide) = run()
    assert high.pixel_sha256 != wide.pixel_sha256


def test_bad_files_keep_their_line_and_a_row_of_zeros(folder, run, random_image):
    for name in ("a.png", "z.png"):
        random_image(1).save(folder / name)
    (folder / "b.png").write_text("text")
    (folder / "c.jpg").write_bytes(b"")
    (folder / "d.png").write_bytes((folder / "a.png").read_bytes()[:200])
    Image.new("1", (2000, 2000)).save(folder / "e.png")
    pixels, rows = run()
    assert list(verdicts(rows).values())[:3] == [
        OK,
        "not an image; expected JPEG, PNG, WEBP, TIFF, BMP, GIF, JPEG2000, PPM, TGA, AVIF",
        "empty file",
    ]
    assert rows[3].verdict.startswith("damaged: ")
    assert rows[4].verdict == "2000 x 2000 pixels, over 1 megapixels (data.max_megapixels)"
    assert [bool(square.any()) for square in pixels] == [True, False, False, False, False, True]
    assert {(r.pixel_sha256, r.width, r.height) for r in rows[1:5]} == {("", 0, 0)}
    assert rows[1].file_sha256 == hashlib.sha256(b"text").hexdigest()


def test_hidden_files_are_named_and_not_read(folder, run, random_image):
    random_image(0).save(folder / "a.png")
    random_image(0).save(folder / ".b.png")
    (folder / ".cache").mkdir()
    random_image(0).save(folder / ".cache" / "c.png")
    pixels, rows = run()
    assert verdicts(rows) == {".b.png": "hidden file", ".cache/c.png": "hidden file", "a.png": OK}
    assert [bool(square.any()) for square in pixels] == [False, False, True]
    assert rows[0].file_sha256 == ""


def test_a_link_that_leads_outside_is_not_read(folder, run, random_image, tmp_path):
    random_image(0).save(tmp_path / "secret.png")
    random_image(1).save(folder / "inside.png")
    (folder / "out.png").symlink_to(tmp_path / "secret.png")
    (folder / "up.png").symlink_to("../secret.png")
    (folder / "same.png").symlink_to("inside.png")
    pixels, rows = run()
    outside = "a link that leads outside the images folder; put the file itself there"
    assert verdicts(rows) == {
        "inside.png": OK,
        "out.png": outside,
        "same.png": OK,
        "up.png": outside,
    }
    assert not pixels[1].any()


def test_links_that_lead_nowhere_or_to_a_folder_are_set_aside(folder, run, random_image):
    random_image(1).save(folder / "a.png")
    (folder / "cats").mkdir()
    random_image(2).save(folder / "cats" / "1.png")
    (folder / "broken").symlink_to("absent.png")
    (folder / "kittens").symlink_to("cats")
    (folder / "loop").symlink_to("loop")
    _, rows = run()
    assert verdicts(rows) == {
        "a.png": OK,
        "broken": "cannot be read: No such file or directory",
        "cats/1.png": OK,
        "kittens": "a link to a folder, which is not followed; put the folder itself there",
        "loop": "cannot be read: Too many levels of symbolic links",
    }


def test_the_images_folder_may_itself_be_a_link(folder, tmp_path, random_image):
    random_image(0).save(folder / "a.png")
    (tmp_path / "link").symlink_to(folder)
    table = tmp_path / "t.csv"
    ingest(tmp_path / "link", pixels=tmp_path / "p.npy", table=table, how=HOW)
    assert verdicts(read_table(table)) == {"a.png": OK}


@pytest.mark.timeout(20)
def test_a_pipe_is_not_waited_for(folder, run, random_image):
    random_image(0).save(folder / "a.png")
    os.mkfifo(folder / "pipe.png")
    assert verdicts(run()[1]) == {"a.png": OK, "pipe.png": "not a regular file"}


def test_names_in_any_script_and_with_odd_signs_survive_the_table(folder, run, random_image):
    names = [
        "Müller.png",
        unicodedata.normalize("NFD", "Müller2.png"),
        "猫/1.png",
        'a,b "c".png',
    ]
    for seed, name in enumerate(names):
        (folder / name).parent.mkdir(exist_ok=True)
        random_image(seed).save(folder / name)
    assert verdicts(run()[1]) == dict.fromkeys(sorted(names), OK)


def test_names_that_a_table_cannot_hold_are_all_named_at_once(folder, run, random_image, tmp_path):
    names = ["a.png", "b\r.png", "sub/c\nd.png", "é.png", unicodedata.normalize("NFD", "é.png")]
    (folder / "sub").mkdir()
    for seed, name in enumerate(names):
        random_image(seed).save(folder / name)
    with pytest.raises(DataError) as caught:
        run()
    assert str(caught.value).splitlines() == [
        f"3 fault(s) in the names of the files in {folder}, each of which needs a line of its own "
        "in labels.csv:",
        r"  - the file name 'b\r.png' has control characters (\r); rename the file",
        r"  - the file name 'sub/c\nd.png' has control characters (\n); rename the file",
        r"  - 2 files are é.png in Unicode's form NFC: 'e\u0301.png', '\xe9.png'; rename them",
    ]


def test_names_that_are_not_utf8_are_all_named_at_once(folder, random_image):
    random_image(0).save(folder / "a.png")
    for name in (b"caf\xe9.png", b"\xff.png"):
        with open(os.fsencode(folder) + b"/" + name, "wb") as file:
            file.write(b"x")
    with pytest.raises(DataError, match=r"2 of 3 names in .* are not UTF-8.*rename") as caught:
        list_files(folder)
    assert r"b'caf\xe9.png'" in str(caught.value)
    assert r"b'\xff.png'" in str(caught.value)


def test_an_empty_folder_is_refused(folder, run):
    (folder / "class").mkdir()
    with pytest.raises(DataError, match=f"{folder} is empty; expected images in it"):
        run()


def test_a_missing_folder_names_the_command_that_makes_it(folder):
    with pytest.raises(DataError, match=r"no folder .*absent; create it with `lradapt import"):
        list_files(folder / "absent")


def test_a_folder_that_cannot_be_read_is_not_passed_over(folder, random_image, monkeypatch):
    (folder / "locked").mkdir()
    random_image(0).save(folder / "a.png")
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("locked"):  # root may read all, so no mode would do
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(PermissionError, match="locked"):
        list_files(folder)


def test_a_folder_without_one_image_is_refused_and_leaves_no_output(folder, run, tmp_path):
    (folder / "a.txt").write_text("text")
    (folder / "b.txt").write_text("text")
    with pytest.raises(DataError, match=r"none of the 2 files in .* is an image; the first: a.txt"):
        run()
    assert list((tmp_path / "run").iterdir()) == []


def test_a_failed_run_leaves_the_former_output_alone(folder, run, random_image, tmp_path):
    random_image(0).save(folder / "a.png")
    run()
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    (folder / "a.png").write_text("text")
    with pytest.raises(DataError):
        run()
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


@pytest.fixture
def meanwhile(monkeypatch):
    """A function: something that happens once the files are listed."""

    def set_up(happen):
        def listing(folder):
            names = list_files(folder)
            happen()
            return names

        monkeypatch.setattr("lradapt.data.images.ingest.list_files", listing)

    return set_up


def test_files_that_come_or_go_while_it_reads_stop_it_and_are_all_named(
    folder, run, random_image, tmp_path, meanwhile
):
    for name in ("a.png", "b.png", "z.png"):
        random_image(0).save(folder / name)

    def sync():
        (folder / "b.png").unlink()
        (folder / "z.png").rename(folder / "y.png")
        (folder / "n.png").write_text("new")

    meanwhile(sync)
    with pytest.raises(DataError) as caught:
        run()
    assert str(caught.value).splitlines() == [
        f"4 file(s) of {folder} were added or removed while it was read; run again when no other "
        "program writes to it:",
        "  - b.png: removed",
        "  - z.png: removed",
        "  - n.png: added",
        "  - y.png: added",
    ]
    assert list((tmp_path / "run").iterdir()) == []


def test_a_row_that_the_system_takes_in_parts_is_written_whole(
    folder, run, random_image, monkeypatch
):
    for seed in range(3):
        random_image(seed).save(folder / f"{seed}.png")
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, data, at: pwrite(file, data[:100], at))
    pixels, _ = run()
    for seed in range(3):
        np.testing.assert_array_equal(pixels[seed], expected_row(folder / f"{seed}.png"))


def many_files(folder, random_image, num):
    for seed in range(num):
        random_image(seed, (9, 10)).save(folder / f"{seed:04d}.bmp")
    (folder / "0007.bmp").write_text("text")
    (folder / ".hidden").write_text("text")


@pytest.mark.slow
def test_two_processes_write_the_same_bytes_as_one(
    folder, run, random_image, tmp_path, monkeypatch
):
    pools = []

    def pool(num_workers, *words, **options):
        pools.append(num_workers)
        return ProcessPoolExecutor(num_workers, *words, **options)

    monkeypatch.setattr("lradapt.data.images.ingest.ProcessPoolExecutor", pool)
    many_files(folder, random_image, 600)
    run(num_workers=1, name="serial")
    run(num_workers=2, name="parallel")
    assert pools == [2]
    for name in ("pixels.npy", "images.csv"):
        serial = (tmp_path / "serial" / name).read_bytes()
        assert serial == (tmp_path / "parallel" / name).read_bytes()


class KillingPool(ProcessPoolExecutor):
    """Its processes are gone before the first portion is done."""

    def map(self, work, tasks):
        return super().map(os._exit, [9 for _ in tasks])


@pytest.mark.slow
def test_a_killed_process_ends_in_one_message_and_no_file(
    folder, run, random_image, tmp_path, monkeypatch
):
    monkeypatch.setattr("lradapt.data.images.ingest.ProcessPoolExecutor", KillingPool)
    many_files(folder, random_image, 600)
    with pytest.raises(DataError, match="was killed, most likely because the memory was full"):
        run(num_workers=2, name="killed")
    assert list((tmp_path / "killed").iterdir()) == []


@pytest.mark.slow
def test_memory_does_not_grow_with_the_pixels(folder, random_image, tmp_path):
    many_files(folder, random_image, 600)
    script = (
        "import resource, sys, pathlib\n"
        "from lradapt.data.images.decode import Preprocessing\n"
        "from lradapt.data.images.ingest import ingest\n"
        "if __name__ == '__main__':\n"
        "    peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "    out, before = pathlib.Path(sys.argv[2]), peak()\n"
        "    ingest(pathlib.Path(sys.argv[1]), pixels=out / 'p.npy', table=out / 't.csv',\n"
        "           how=Preprocessing(512, 1), num_workers=2)\n"
        "    print(peak() - before)\n"
    )
    program = tmp_path / "measure.py"
    program.write_text(script)
    done = subprocess.run(
        [sys.executable, program, folder, tmp_path],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    size = (tmp_path / "p.npy").stat().st_size / 2**20
    assert size > 450
    assert float(done.stdout) < 60


@pytest.fixture
def rerun(folder, tmp_path, monkeypatch):
    """A function: ingest the folder as the stage does; its two files, and how many it decoded."""

    def ingested(kept=NOTHING, num_workers=1, name="rerun"):
        made = []

        def counting(content, **options):
            made.append(content)
            return decode_with_storage(content, **options)

        monkeypatch.setattr("lradapt.data.images.ingest_file.decode_with_storage", counting)
        pixels, table = tmp_path / name / "pixels.npy", tmp_path / name / "images.csv"
        ingest(folder, pixels=pixels, table=table, how=HOW, kept=kept, num_workers=num_workers)
        return (pixels, table), len(made)

    return ingested


def kept_of(files):
    """What a later run finds of these two files."""
    pixels, table = files
    keys = {key: row for row, key in enumerate(file_keys(table)) if key}
    return Kept(keys, {PIXELS: pixels, TABLE: table})


def contents(files):
    return [path.read_bytes() for path in files]


def test_only_files_whose_bytes_are_new_are_decoded(folder, rerun, random_image):
    for seed in range(6):
        random_image(seed).save(folder / f"{seed}.png")
    (folder / "bad.png").write_text("text")
    first, decoded = rerun(name="first")
    assert decoded == 7
    (folder / "0.png").unlink()
    (folder / "1.png").rename(folder / "z.png")
    (folder / "a").mkdir()
    (folder / "2.png").rename(folder / "a" / "2.png")
    random_image(70).save(folder / "3.png")
    random_image(71).save(folder / "new.png")
    second, decoded = rerun(kept_of(first), name="second")
    assert decoded == 3  # two that are new, and the one that is no image
    whole, decoded = rerun(name="whole")
    assert decoded == 7
    assert contents(second) == contents(whole)


def test_a_file_that_became_hidden_or_leads_outside_is_not_taken_from_before(
    folder, rerun, random_image, tmp_path
):
    for seed in range(3):
        random_image(seed).save(folder / f"{seed}.png")
    first, _ = rerun(name="first")
    (folder / "0.png").rename(folder / ".0.png")
    (folder / "1.png").rename(tmp_path / "1.png")
    (folder / "1.png").symlink_to(tmp_path / "1.png")
    second, decoded = rerun(kept_of(first), name="second")
    assert decoded == 0
    output = verdicts(read_table(second[1]))
    assert output[".0.png"] == "hidden file"
    assert output["1.png"].startswith("a link that leads outside")


@pytest.mark.slow
def test_two_processes_and_a_former_run_write_the_same_bytes(folder, rerun, random_image):
    many_files(folder, random_image, 300)
    first, _ = rerun(name="first")
    many_files(folder, random_image, 900)
    second, _ = rerun(kept_of(first), num_workers=2, name="second")
    whole, _ = rerun(name="whole")
    assert contents(second) == contents(whole)


@pytest.fixture
def failing(monkeypatch):
    """A function: from now on these names give an error of the system when they are read."""

    def set_up(number, *names):
        read = os.open

        def refusing(path, *words, **options):
            if str(path).endswith(names):
                raise OSError(number, os.strerror(number), str(path))
            return read(path, *words, **options)

        monkeypatch.setattr("lradapt.data.images.files.os.open", refusing)

    return set_up


@pytest.mark.parametrize(
    "number", [errno.EIO, errno.ESTALE, errno.EACCES, errno.EMFILE, errno.ENOMEM, errno.ETIMEDOUT]
)
def test_a_file_that_the_system_does_not_give_stops_ingest_and_all_are_named(
    folder, run, random_image, tmp_path, failing, number
):
    for seed in range(4):
        random_image(seed).save(folder / f"{seed}.png")
    failing(number, "1.png", "3.png")
    with pytest.raises(UnreadableError) as caught:
        run()
    head, *lines = str(caught.value).splitlines()
    assert head.startswith("2 file(s) cannot be read, whatever they contain. Nothing was recorded")
    assert lines == [
        f"  - {n}.png: cannot be read: {os.strerror(number)}; check its disk and permissions, and "
        "run again"
        for n in (1, 3)
    ]
    assert list((tmp_path / "run").iterdir()) == []


def test_an_unreadable_file_that_was_known_stops_ingest_too(folder, rerun, random_image, failing):
    for seed in range(2):
        random_image(seed).save(folder / f"{seed}.png")
    first, _ = rerun(name="first")
    failing(errno.EIO, "1.png")
    with pytest.raises(UnreadableError, match="Input/output error"):
        rerun(kept_of(first), name="second")


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.ENOMEM, "Cannot allocate memory")])
def test_too_little_memory_stops_ingest(folder, run, random_image, monkeypatch, error):
    random_image(0).save(folder / "a.png")

    def full(*_):
        raise error

    monkeypatch.setattr("lradapt.data.images.decode.read_values", full)
    with pytest.raises(UnreadableError, match=r"a.png: .*(memory did not suffice|allocate memory)"):
        run()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP"])
def test_a_process_short_of_memory_finds_no_fault_in_the_file(folder, tmp_path, kind):
    Image.new("L", (6000, 6000), 7).save(folder / "a", kind)
    program = (
        "import pathlib, resource, sys\n"
        "from lradapt.data.images.decode import Preprocessing\n"
        "from lradapt.data.images.ingest import ingest\n"
        "import PIL.Image; PIL.Image.init()\n"
        "used = int(pathlib.Path('/proc/self/statm').read_text().split()[0]) * 4096\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 60 * 2**20,) * 2)\n"
        "out = pathlib.Path(sys.argv[2])\n"
        "ingest(pathlib.Path(sys.argv[1]), pixels=out / 'p', table=out / 't',\n"
        "       how=Preprocessing(8, 80), num_workers=1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, folder, tmp_path],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert "UnreadableError" in done.stderr.splitlines()[-2] + done.stderr.splitlines()[-3], done
    assert not (tmp_path / "t").exists()


def deep(path, values):
    Image.fromarray(np.asarray(values, dtype=np.uint16)).save(path)


@pytest.fixture
def thermal(folder):
    """A function: 16-bit images with values in this range."""

    def make(num, low=7000, high=9000, name="t"):
        for seed in range(num):
            random = np.random.default_rng([seed, low])
            deep(folder / f"{name}{seed:02d}.png", random.integers(low, high, (8, 8)))

    return make


def test_16_bits_are_reduced_by_the_range_of_the_set(folder, run, thermal, random_image):
    thermal(5)
    random_image(0, (8, 8)).save(folder / "a.png")
    pixels, rows = run()
    assert depth_range_of(rows) == (6912, 9087)
    for row, square in zip(rows, pixels, strict=True):
        content = (folder / row.image).read_bytes()
        expected = decode(content, max_megapixels=1, depth_range=(6912, 9087))
        np.testing.assert_array_equal(square, np.asarray(expected))
    assert pixels[1:].std() > 50


def test_a_range_that_changed_reduces_known_images_again(folder, rerun, thermal):
    thermal(5)
    first, _ = rerun(name="first")
    thermal(2, low=3000, high=12000, name="u")
    second, _ = rerun(kept_of(first), name="second")
    whole, _ = rerun(name="whole")
    assert contents(second) == contents(whole)
    for path in folder.glob("u*"):
        path.unlink()
    third, _ = rerun(kept_of(second), name="third")
    assert contents(third) == contents(first)


def test_the_hash_of_16_bits_does_not_depend_on_other_images(folder, run, thermal):
    thermal(3)
    _, before = run()
    thermal(3, low=0, high=60000, name="u")
    _, after = run(name="again")
    assert [row.pixel_sha256 for row in before] == [row.pixel_sha256 for row in after[:3]]


def test_images_that_differ_in_their_lower_bits_are_no_duplicates(folder, run):
    deep(folder / "a.png", np.full((8, 8), 20) + np.eye(8))
    deep(folder / "b.png", np.full((8, 8), 21) + np.eye(8))
    _, (a, b) = run()
    assert a.pixel_sha256 != b.pixel_sha256


def test_a_damaged_disk_at_the_second_look_stops_ingest(folder, run, thermal, monkeypatch):
    thermal(2)

    def failing(*_):
        raise UnreadableError("cannot be read: Input/output error")

    monkeypatch.setattr("lradapt.data.images.ingest.preprocess", failing)
    with pytest.raises(UnreadableError, match=r"2 file\(s\) cannot be read"):
        run()
