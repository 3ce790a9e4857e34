"""Two at once in one project: the second waits, or says who holds it and changes nothing."""

import os
import subprocess
import sys

import pytest
from path_table import path_variables

from lradapt.cli import exit_codes
from tests.projects import PROGRAMS, ROOT, dvc, run


@pytest.fixture
def project(tmp_path, random_image, monkeypatch):
    """A project of one stage, which computes nothing, and two classes to import into it."""
    monkeypatch.setitem(PROGRAMS, "PYTHONPATH", str(ROOT))
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    (folder / "dvc.yaml").write_text(
        path_variables(
            images="images", labels="labels.csv", backbone="backbone", champion="champion"
        )
        + "stages:\n  ingest:\n"
        "    cmd: python -m lradapt stage ingest -- --help && date > made.txt\n"
        "    deps: [images]\n    outs: [made.txt]\n"
    )
    (folder / "backbone").write_text("weights")
    for number, name in enumerate(("cat/1.png", "dog/1.png")):
        (tmp_path / "source" / name).parent.mkdir(parents=True)
        random_image(number).save(tmp_path / "source" / name)
    run(folder, "git", "init", "-q")
    dvc(folder, "init", "-q")
    return folder


@pytest.fixture
def lradapt(project):
    """A function: the end of a command, as a person types it."""

    def command(*words):
        return subprocess.run(
            [sys.executable, "-m", "lradapt", *words],
            cwd=project,
            env=PROGRAMS,
            capture_output=True,
            text=True,
        )

    return command


@pytest.fixture
def going_on(project):
    """A process that holds the project as a flow does."""
    code = "from lradapt.runtime import lock\nwith lock.run(): print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=project,
        env=PROGRAMS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        yield process
        process.kill()


@pytest.mark.slow
def test_an_import_beside_a_run_is_refused_and_changes_nothing(lradapt, project, going_on):
    source = str(project.parent / "source")
    refused = lradapt("import", "folder", source)
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: `")
    assert f"(pid {going_on.pid} on {os.uname().nodename}, since " in refused.stderr
    assert not (project / "images").exists()
    going_on.communicate(b"\n")
    done = lradapt("import", "folder", source)
    assert done.returncode == exit_codes.DATA_FAULTS  # done; one image a class is not enough
    assert (project / "images/cat/1.png").exists()


@pytest.mark.slow
def test_dvc_repro_by_hand_beside_a_run_is_refused_and_works_after_it(project, lradapt, going_on):
    (project.parent / "source").rename(project / "images")
    refused = dvc(project, "repro", check=False)
    assert refused.returncode != 0
    assert f"(pid {going_on.pid} on " in refused.stdout
    assert "Traceback" not in refused.stdout
    assert not (project / "made.txt").exists()
    going_on.kill()
    going_on.wait()
    dvc(project, "repro")
    assert (project / "made.txt").exists()


@pytest.mark.slow
def test_a_run_of_another_process_starts_when_the_first_has_ended(project, going_on):
    code = "from lradapt.runtime import lock\nwith lock.run(): print('in', flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=project,
        env=PROGRAMS,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as second:
        output = second.stderr.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(0.2)
        going_on.kill()
        assert second.communicate(timeout=120)[0] == "in\n"
    assert output.startswith("waiting: `")
    assert f"(pid {going_on.pid} on " in output
