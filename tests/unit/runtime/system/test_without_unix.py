"""What people use on Windows runs where Unix's modules, functions and flags are taken away."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import without_unix
from colour_model import colour_model, paint
from releases import release
from reviewed_project import write_project

from lradapt.registry import open_registry

ROOT = Path(__file__).parents[4]
PATHS = os.pathsep.join([str(ROOT), str(ROOT / "tests/unit")])
ENVIRONMENT = {**os.environ, "PYTHONPATH": PATHS, "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"}
WITHOUT_UNIX = "import without_unix; without_unix.take_away()\n"
COMMAND = "from lradapt.__main__ import main; main()"


def start(code, *words):
    """Start Python on a system without Unix."""
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import without_unix\nwithout_unix.take_away()\n{code}",
            *map(str, words),
        ],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def run(code, *words):
    """Run Python on a system without Unix, and return what it prints."""
    process = start(code, *words)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, output + errors
    return output


@pytest.fixture
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def colours(here):
    """A registry with a model in production."""
    return release(open_registry("registry"), colour_model())


def test_the_system_without_unix_lacks_what_windows_lacks():
    output = run(
        "import os, signal\n"
        "found = [name for name in dir(os) + dir(signal) if name in sum(\n"
        "    map(list, without_unix.NAMES.values()), [])]\n"
        "try:\n    import fcntl\nexcept ImportError:\n    print(found, os.supports_dir_fd)"
    )
    assert output == "[] set()\n"
    assert set(without_unix.MODULES) >= {"fcntl", "pwd", "resource"}


REGISTRY = """
import releases
from lradapt.registry import open_registry
from lradapt.registry.store import DamagedError, ExistsError
from pathlib import Path
registry = open_registry("registry", "digits")
first = releases.release(registry, b"one")
second = releases.release(registry, b"two")
assert registry.production().version == second.version
assert registry.read_file(first.version, "model.onnx") == b"one"
assert [each.version for each in registry.promotions()] == [first.version, second.version]
registry.store.create("digits/once", b"1")
try:
    registry.store.create("digits/once", b"2")
except ExistsError:
    print(registry.store.read("digits/once").content)
folder = Path("registry/digits/versions", first.version)
folder.rename("elsewhere")
folder.symlink_to(Path("elsewhere").resolve())
for act in (registry.has, registry.manifest):
    try:
        act(first.version)
    except DamagedError as error:
        print("is a link" in str(error))
print(Path("elsewhere/model.onnx").read_bytes())
"""


def test_a_registry_publishes_promotes_reads_and_follows_no_link(here):
    assert run(REGISTRY).split() == ["b'1'", "True", "True", "b'one'"]


CREATE = """
import sys
from lradapt.registry import open_store
from lradapt.registry.store import ExistsError
store = open_store("registry")
print("ready", flush=True)
sys.stdin.readline()
won = 0
for number in range(50):
    try:
        store.create(f"race/{number}", sys.argv[1].encode())
        won += 1
    except ExistsError:
        pass
print(won)
"""


def test_of_two_writers_of_a_key_one_wins(here):
    writers = [start(CREATE, name) for name in ("a", "b")]
    assert [writer.stdout.readline() for writer in writers] == ["ready\n"] * 2
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    won = [int(writer.communicate(timeout=300)[0]) for writer in writers]
    assert sum(won) == 50
    assert len(list(here.glob("registry/race/[0-9]*"))) == 50


HOLD = """
import sys
from lradapt.runtime import lock
with lock.importing():
    print("held", flush=True)
    sys.stdin.readline()
"""
REFUSED = """
from lradapt.errors import BusyError
from lradapt.runtime import lock
for act in (lock.importing, lock.stage):
    try:
        with act():
            print("free")
    except BusyError as error:
        print(str(error).partition("` (")[2].partition(" on")[0])
"""


def test_two_processes_exclude_each_other_and_a_killed_one_excludes_nobody(here):
    with start(HOLD) as holder:
        assert holder.stdout.readline() == "held\n"
        assert run(REFUSED) == f"pid {holder.pid}\n" * 2
        holder.kill()
        holder.wait()
    assert run(REFUSED) == "free\n" * 2


LOOK = """
import sys
from pathlib import Path
from lradapt.recording.segment import is_being_written
print(is_being_written(Path(sys.argv[1])))
"""


def test_a_segment_is_seen_as_being_written_by_another_process_until_it_is_closed(here):
    code = (
        "import sys\nfrom datetime import UTC, datetime\nfrom pathlib import Path\n"
        "from recorded_answers import HEADER\nfrom lradapt.recording.segment import Segment\n"
        "segment = Segment(Path('record'), HEADER, datetime.now(UTC))\n"
        "print(segment.name, flush=True)\nsys.stdin.readline()\n"
        "segment.append(b'{}\\n')\nassert segment.is_there()\nsegment.close()\n"
        "empty = Segment(Path('record'), HEADER, datetime.now(UTC))\nempty.close()\n"
    )
    with start(code) as writer:
        path = here / "record" / writer.stdout.readline().strip()
        assert run(LOOK, path) == "True\n"
        assert path.read_text(encoding="utf-8").count("\n") == 1
        _, errors = writer.communicate("go\n", timeout=300)
        assert writer.returncode == 0, errors
    assert run(LOOK, path) == "False\n"
    assert [each.name for each in (here / "record").rglob("*") if each.is_file()] == [path.name]


def test_a_private_key_is_written_once(here):
    output = run(
        "from pathlib import Path\n"
        "from lradapt.errors import SigningError\n"
        "from lradapt.signing.key_files import read_private_key, write_private_key\n"
        "from lradapt.signing.keys import new_key\n"
        "key, path = new_key(), Path('keys/me.pem')\n"
        "write_private_key(path, key)\n"
        "try:\n    write_private_key(path, new_key())\n"
        "except SigningError:\n    print(read_private_key(path).pem() == key.pem())"
    )
    assert output == "True\n"
    assert [each.name for each in (here / "keys").iterdir()] == ["me.pem"]


def test_space_is_reserved_and_rows_are_written_where_they_belong(here):
    np.lib.format.open_memmap("rows.npy", mode="w+", dtype=np.uint8, shape=(3, 4))
    output = run(
        "import os\nfrom pathlib import Path\nimport numpy as np\n"
        "from lradapt.runtime.files import reserve\n"
        "from lradapt.runtime.system.disk import write_at\n"
        "from lradapt.runtime.system.opening import open_file\n"
        "path = Path('rows.npy')\nreserve(path)\n"
        "file = open_file(path, os.O_WRONLY)\n"
        "write_at(file, b'abcd', path.stat().st_size - 8)\nos.close(file)\n"
        "print(np.load(path, mmap_mode='r').tolist())"
    )
    assert output == "[[0, 0, 0, 0], [97, 98, 99, 100], [0, 0, 0, 0]]\n"


SERVE = """
from pathlib import Path
from asgi_client import asked
from lradapt.registry import open_registry
from lradapt.serving.live_model import LiveModel
from lradapt.serving.server import create_app
from lradapt.serving.settings import Settings
live = LiveModel(open_registry("registry"), threads=1)
app = create_app(live, Settings(max_bytes=20_000, refresh_seconds=60, num_threads=1))
content = Path("red.png").read_bytes()
answer = asked(app, lambda client: client.post("/predict", content=content)).json()
print(answer["version"], answer["predictions"][0]["class"])
"""


@pytest.mark.slow
def test_it_serves(here, colours):
    paint(here / "red.png", "red")
    assert run(SERVE) == f"{colours.version} red\n"


@pytest.mark.slow
def test_it_predicts(here, colours):
    paint(here / "blue.png", "blue")
    assert "blue" in run(COMMAND, "predict", "blue.png", "--csv").splitlines()[1]


REVIEW = """
from starlette.testclient import TestClient
from reviewed_project import open_desk
from lradapt.review.app import create_app
base = "http://127.0.0.1:8000"
client = TestClient(create_app(open_desk(), token="t", who="A"), base_url=base,
                    headers={"origin": base})
assert client.get("/?token=t").status_code == 200
asked = {"who": "A", "window": "w", "queue": "doubtful"}
item = client.post("/api/next", json=asked).json()["items"][0]
own = {name: item[name] for name in ("image", "label", "seen")}
print(client.post("/api/decide", json={**asked, **own, "action": "keep", "new": ""}).status_code)
"""


@pytest.mark.slow
def test_it_reviews(here):
    write_project(here)
    assert run(REVIEW) == "200\n"
    assert (here / "data/label_journal.jsonl").read_text(encoding="utf-8").count("\n") == 1


@pytest.mark.slow
@pytest.mark.long
def test_it_imports_a_folder_and_checks_it(here):
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, here)
    for number in range(30):
        for colour in ("red", "green"):
            path = here / "photos" / colour / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            paint(path, colour, seed=number)
    run(COMMAND, "import", "folder", "photos", "--replace")
    lines = (here / "data/labels.csv").read_bytes().splitlines(keepends=True)
    assert len(lines) == 61
    assert b"red/0.png,red" in b"".join(lines)
    assert not any(line.endswith(b"\r\n") for line in lines)
    assert "60" in run(COMMAND, "check")


def test_a_flow_says_in_one_line_that_it_needs_linux(here):
    process = start("import flows.retrain")
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 1
    assert errors.startswith("error: flows and workers need Linux")
    assert errors.count("\n") == 1
