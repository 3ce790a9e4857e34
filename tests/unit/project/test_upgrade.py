"""`lradapt upgrade`: the three-way merge of a project's files, and what it refuses."""

import os
import subprocess

import pytest

from lradapt.project import base, template
from lradapt.project import upgrade as upgrading


def git(folder, *words):
    identity = ("-c", "user.name=t", "-c", "user.email=t@t")
    command = ["git", "-C", folder, *identity, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def commit(folder):
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "mine")


def edit(path, old, new):
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


@pytest.fixture
def skin(lradapt, tmp_path, monkeypatch):
    """The project skin, which is the current folder."""
    assert lradapt("init", "skin").code == 0
    monkeypatch.chdir(tmp_path / "skin")
    return tmp_path / "skin"


@pytest.fixture
def newer(monkeypatch):
    """A function: the installed lradapt has these files in place of those that it has."""
    render = template.render

    def install(changes=(), *, added=(), removed=()):
        def rendered(name):
            files = render(name) | dict(added)
            for path, old, new in changes:
                assert old in files[path]
                files[path] = files[path].replace(old, new)
            return {path: each for path, each in files.items() if path not in removed}

        monkeypatch.setattr(upgrading, "render", rendered)

    return install


@pytest.fixture
def upgrade(lradapt, skin):
    """A function that types `lradapt upgrade` in the project, which is the current folder."""
    return lambda *words: lradapt("upgrade", *words)


LOCKED = "lock.run(), forked_commands():"
CHANGES = [
    ("params.yaml", b"num_resamples: 10000", b"num_resamples: 20000"),
    ("flows/retrain.py", LOCKED.encode(), f"{LOCKED}  # of this project".encode()),
]


def test_changes_of_both_are_kept_and_the_difference_is_shown(skin, upgrade, newer):
    edit(skin / "params.yaml", "input_size: 24\n  fit", "input_size: 224\n  fit")
    edit(
        skin / "flows/retrain.py",
        "dry_run: bool = False,\n    override",
        "dry_run: bool = True,\n    override",
    )
    commit(skin)
    newer(CHANGES, added={"flows/new.py": b'"""New."""\n'}.items(), removed=["flows/monitor.py"])
    done = upgrade()
    assert (done.code, done.err) == (0, "")
    params, flow = (skin / "params.yaml").read_text(), (skin / "flows/retrain.py").read_text()
    assert "input_size: 224" in params
    assert "num_resamples: 20000" in params
    assert "dry_run: bool = True" in flow
    assert "# of this project" in flow
    assert (skin / "flows/new.py").read_text() == '"""New."""\n'
    assert not (skin / "flows/monitor.py").exists()
    lines = done.out.splitlines()
    assert "-  num_resamples: 10000" in lines
    assert "+  num_resamples: 20000" in lines
    assert any(line.endswith(": 4 files changed") for line in lines)
    changed = {line[3:] for line in git(skin, "status", "--porcelain").splitlines()}
    assert changed == {
        base.FILE,
        "flows/monitor.py",
        "flows/new.py",
        "flows/retrain.py",
        "params.yaml",
    }


def test_the_next_upgrade_begins_where_the_last_one_ended(skin, upgrade, newer):
    newer(CHANGES)
    assert upgrade().code == 0
    commit(skin)
    again = upgrade()
    assert again.code == 0
    assert "are those of lradapt" in again.out
    assert git(skin, "status", "--porcelain") == ""
    newer([("params.yaml", b"num_resamples: 10000", b"num_resamples: 30000")])
    assert upgrade().code == 0
    assert "num_resamples: 30000" in (skin / "params.yaml").read_text()
    assert "# of this project" not in (skin / "flows/retrain.py").read_text()


def test_a_project_that_is_up_to_date_is_left_alone(skin, upgrade):
    edit(skin / "params.yaml", "seed: 0", "seed: 7")
    commit(skin)
    done = upgrade()
    assert done.code == 0
    assert "the project's files are those of lradapt" in done.out
    assert git(skin, "status", "--porcelain") == ""


def test_lines_that_both_changed_are_marked_and_reported(skin, upgrade, newer):
    edit(skin / "params.yaml", "num_resamples: 10000", "num_resamples: 500")
    commit(skin)
    newer(CHANGES)
    done = upgrade()
    assert done.code == 1
    assert "error: 1 file(s) are left to you" in done.err
    assert "params.yaml: changed on both sides: 1 marked with <<<<<<<" in done.err
    text = (skin / "params.yaml").read_text()
    marked = ["<<<<<<< yours", "  num_resamples: 500", "=======", "  num_resamples: 20000"]
    assert "\n".join([*marked, ">>>>>>> lradapt's now"]) in text
    assert "# of this project" in (skin / "flows/retrain.py").read_text()


def test_a_conflict_that_was_committed_stops_the_next_upgrade_and_every_flow(
    skin, lradapt, upgrade, newer
):
    edit(skin / "params.yaml", "num_resamples: 10000", "num_resamples: 500")
    edit(skin / "flows/retrain.py", LOCKED, f"{LOCKED}  # mine")
    commit(skin)
    newer(CHANGES)
    assert upgrade().code == 1
    commit(skin)
    for done in (upgrade(), lradapt("retrain", "--plan"), lradapt("watch", "--help")):
        assert done.code == 1
        assert done.err.startswith("error: 2 file(s) still have both texts of an upgrade, between")
        assert done.err.endswith("edit them, then commit:\n  - flows/retrain.py\n  - params.yaml\n")


def test_what_one_removed_and_the_other_changed_is_kept_and_reported(skin, upgrade, newer):
    (skin / "README.md").unlink()
    edit(skin / "flows/monitor.py", "tested on; report a drift.", "tested on; report my drift.")
    commit(skin)
    newer([("README.md", b"# skin", b"# Skin")], removed=["flows/monitor.py"])
    done = upgrade()
    assert done.code == 1
    assert "flows/monitor.py: changed here, removed by lradapt: it was kept" in done.err
    assert "README.md: removed here, changed by lradapt: lradapt's is in README.md.new" in done.err
    assert not (skin / "README.md").exists()
    assert (skin / "README.md.new").read_text().startswith("# Skin\n")
    assert "report my drift." in (skin / "flows/monitor.py").read_text()


def test_a_file_that_both_added_is_a_conflict(skin, upgrade, newer):
    (skin / "flows/mine.py").write_text("mine = 1\n")
    commit(skin)
    newer(added={"flows/mine.py": b"other = 2\n"}.items())
    done = upgrade()
    assert done.code == 1
    assert "mine = 1\n=======\nother = 2\n" in (skin / "flows/mine.py").read_text()


def test_a_dry_run_shows_the_difference_and_writes_nothing(skin, upgrade, newer):
    newer(CHANGES)
    done = upgrade("--dry-run")
    assert done.code == 0
    assert "+  num_resamples: 20000" in done.out.splitlines()
    assert "2 files would be changed" in done.out
    assert git(skin, "status", "--porcelain") == ""


@pytest.mark.parametrize("path", ["params.yaml", "dvc.lock", "flows/new.py"])
def test_an_uncommitted_change_is_refused(skin, upgrade, newer, path):
    (skin / "dvc.lock").write_text("schema: '2.0'\n")
    commit(skin)
    with (skin / path).open("a") as file:
        file.write("# mine\n")
    newer(CHANGES, added={"flows/new.py": b"new = 1\n"}.items())
    before = git(skin, "status", "--porcelain")
    done = upgrade()
    assert done.code == 1
    assert "error: this project has changes that git has not committed" in done.err
    assert f"  - {path}\n" in done.err
    assert git(skin, "status", "--porcelain") == before


def test_other_files_that_git_does_not_know_do_not_matter(skin, upgrade, newer):
    (skin / "notes.txt").write_text("mine\n")
    newer(CHANGES)
    assert upgrade().code == 0


def test_a_project_below_the_root_of_its_repository_is_upgraded(
    lradapt, tmp_path, monkeypatch, newer
):
    git(tmp_path, "init", "--quiet")
    lradapt("init", "a/skin")
    commit(tmp_path)
    newer(CHANGES)
    (tmp_path / "other.txt").touch()
    folder = tmp_path / "a/skin"
    monkeypatch.chdir(folder / "flows")
    planned = upgrading.plan_upgrade(folder)
    upgrading.write(planned)
    assert "num_resamples: 20000" in (folder / "params.yaml").read_text()
    with pytest.raises(upgrading.ProjectError, match=r"committed[^:]*:\n.*\n  - flows/retrain.py"):
        upgrading.plan_upgrade(folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("format = 1", "format = 0", "has format 0 in [tool.lradapt], expected 1. Make a new"),
        ("format = 1", "kind = 1", "has format None in [tool.lradapt]"),
        ("format = 1", "format = 2", "it was made by a newer lradapt. Install that one: pip"),
        ('"lradapt==', '"lradapt==99.', "is of lradapt 99.0.1.0, newer than the installed"),
        ("[tool.lradapt]", "[tool.lradapt", "is not valid TOML"),
    ],
    ids=["older", "none", "newer", "pinned", "broken"],
)
def test_another_format_of_the_project_is_one_message(skin, upgrade, old, new, message):
    edit(skin / "pyproject.toml", old, new)
    commit(skin)
    done = upgrade()
    assert done.code == 1
    assert done.err.count("error: ") == 1
    assert message in done.err
    assert git(skin, "status", "--porcelain") == ""


def test_a_folder_that_is_no_project_is_one_message(lradapt, tmp_path):
    done = lradapt("upgrade")
    assert done.code == 1
    assert f"error: neither {tmp_path} nor a folder around it is a project" in done.err


def test_a_project_that_was_not_made_by_init_is_one_message(lradapt, tmp_path):
    (tmp_path / "dvc.yaml").touch()
    done = lradapt("upgrade")
    assert done.code == 1
    assert "error: this project's files were not made by `lradapt init`" in done.err


@pytest.mark.parametrize("fault", ["missing", "damaged"])
def test_a_lost_base_is_one_message_with_the_remedy(skin, upgrade, fault):
    if fault == "missing":
        (skin / base.FILE).unlink()
    else:
        (skin / base.FILE).write_bytes(b"PK\x03\x04cut")
    commit(skin)
    done = upgrade()
    assert done.code == 1
    assert f"restore it from git: git log --all -- {base.FILE}" in done.err


def test_without_git_one_message_says_so(skin, upgrade, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    done = upgrade()
    assert done.code == 1
    assert "error: git is not installed" in done.err


def test_after_an_error_in_the_middle_all_files_are_as_before(skin, upgrade, newer, monkeypatch):
    newer(CHANGES)
    write = upgrading.write_bytes

    def failing(path, content):
        if path.name == base.FILE:
            raise OSError(28, "No space left on device", str(path))
        write(path, content)

    monkeypatch.setattr(upgrading, "write_bytes", failing)
    done = upgrade()
    assert done.code == 1
    assert "No space left on device" in done.err
    assert git(skin, "status", "--porcelain") == ""


def test_a_file_that_may_be_executed_still_may(skin, upgrade, newer):
    os.chmod(skin / "flows/retrain.py", 0o755)
    commit(skin)
    newer(CHANGES)
    assert upgrade().code == 0
    assert os.access(skin / "flows/retrain.py", os.X_OK)


def test_the_archive_holds_every_file_as_it_was_made(skin):
    kept = base.unpacked(skin)
    assert kept == {path: (skin / path).read_bytes() for path in kept}
    assert kept.keys() == set(git(skin, "ls-files").splitlines()) - {base.FILE}
    assert base.packed(kept) == (skin / base.FILE).read_bytes()
