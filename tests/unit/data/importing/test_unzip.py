"""Archives of others: unpacked whole, or refused with the reason, and nothing left behind."""

import stat
import zipfile

import pytest

from lradapt.data.importing import unzip
from lradapt.data.importing.unzip import unpacked


@pytest.fixture
def archive(tmp_path):
    """A function: a zip file with members of these names, or of these `ZipInfo`."""

    def make(*members, content=b"x", compression=zipfile.ZIP_STORED):
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w", compression) as made:
            for member in members:
                made.writestr(member, content)
        return path

    return make


def unpack(path):
    with unpacked(path) as folder:
        return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_the_content_is_there_for_as_long_as_it_is_needed(archive):
    with unpacked(archive("cat/a.png", "b.png", "empty/")) as folder:
        assert (folder / "cat" / "a.png").read_bytes() == b"x"
    assert not folder.exists()


def test_a_folder_is_used_as_it_is(tmp_path):
    with unpacked(tmp_path) as folder:
        assert folder == tmp_path
    assert folder.exists()


def test_links_and_names_that_lead_outside_or_occur_twice_are_all_named(archive, fault):
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = archive(
        link, "../up.png", "/root.png", "a\\..\\..\\b.png", "caf\u00e9.png", "cafe\u0301.png"
    )
    assert fault(unpack, path).splitlines() == [
        "SRC/a.zip has 5 fault(s):",
        "  - link.png: a link, or no regular file; put the file itself there",
        "  - ../up.png: leads outside the folder",
        "  - /root.png: leads outside the folder",
        "  - a\\..\\..\\b.png: leads outside the folder",
        "  - caf\u00e9.png: 2 files have this name",
    ]
    assert not (path.parent.parent / "up.png").exists()


def test_members_that_are_unpacked_to_one_path_are_refused(archive, fault):
    path = archive("cat/1.png", "./cat/1.png", "cat//1.png", "cat/2.png")
    assert fault(unpack, path).splitlines() == [
        "SRC/a.zip has 1 fault(s):",
        "  - cat/1.png: 3 files have this name",
    ]


def test_a_bomb_is_refused_before_it_is_unpacked(archive, fault, monkeypatch):
    monkeypatch.setattr(unzip, "_ALWAYS_ALLOWED", 1000)
    path = archive("a.png", content=bytes(10**6), compression=zipfile.ZIP_DEFLATED)
    assert "over 50 times its own size" in fault(unpack, path)
    assert unpack(archive("a.png", content=bytes(10**6))) == ["a.png"]


def test_a_file_and_a_folder_of_one_name_are_refused(archive, fault):
    assert "a file and a folder of one name" in fault(unpack, archive("a", "a/b.png"))


@pytest.mark.parametrize("content", [b"", b"no zip", "cut"])
def test_what_is_no_whole_zip_file_is_refused(archive, fault, content):
    path = archive("a.png", "b.png")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content == "cut" else content)
    assert "is not a whole zip file" in fault(unpack, path)


def test_damaged_content_is_refused(archive, fault):
    path = archive("a.png", content=b"abcdefgh")
    path.write_bytes(path.read_bytes().replace(b"abcdefgh", b"abcdefgX"))
    assert "is not a whole zip file (Bad CRC-32" in fault(unpack, path)


def test_a_password_is_named(archive, fault):
    path = archive("a.png")
    content = bytearray(path.read_bytes())
    for start, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(start) + flags] |= 1
    path.write_bytes(content)
    assert "is encrypted, password required for extraction); unpack it" in fault(unpack, path)


def test_a_missing_path_is_refused(tmp_path, fault):
    assert fault(unpack, tmp_path / "a.zip") == (
        "no folder and no file SRC/a.zip; expected an exported folder, or its zip file"
    )
