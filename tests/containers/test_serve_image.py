"""The image `serve`: small, without rights, read-only, and it loads what is trusted alone."""

import json
import os
import signal
import socket
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.containers.images import Images
from tests.unit.colour_model import colour_model, paint
from tests.unit.explained_project import write_explained_project
from tests.unit.releases import release
from tests.unit.signers import Person, registry
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.long]

USER = 10001
NAME = "classifier"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """The storage in which the image `serve` was built."""
    made = Images(tmp_path_factory.mktemp("images"))
    try:
        made.make_base()
        made.fetch_packages("serve", "s3")
        made.build("serve")
        yield made
    finally:
        made.remove()


class Server:
    """A container that serves."""

    def __init__(self, images, name, address):
        self._images, self._name, self._address = images, name, address

    @property
    def process(self):
        """The number of its process on this machine."""
        return int(self._of_podman("inspect", "--format", "{{.State.Pid}}").stdout)

    def cpu_seconds(self):
        """The seconds of processor that its process has taken."""
        words = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def status(self, path, content=None):
        """The code and the text of an answer; 0 while there is none."""
        try:
            with urllib.request.urlopen(f"{self._address}{path}", content, timeout=30) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def run(self, *words):
        """Run a program in it."""
        return self._images.podman("exec", self._name, *words, check=False)

    def health(self):
        """The exit code of its healthcheck."""
        words = ("healthcheck", "run", self._name)
        return self._images.podman(*words, check=False).returncode

    def stop(self):
        """Stop it as podman does, by SIGTERM; return its exit code."""
        self._of_podman("stop", "--time", "30")
        return int(self._of_podman("inspect", "--format", "{{.State.ExitCode}}").stdout)

    def log(self):
        """What it has said."""
        done = self._of_podman("logs")
        return done.stdout + done.stderr

    def _of_podman(self, command, *words):
        return self._images.podman(command, *words, self._name)


@contextmanager
def served(images, folder, *options, network="host", words=()):
    """A container of the image that serves the registry of a folder, read-only.

    `options` are podman's, `words` those of `lradapt serve`.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    name = f"serve-{port}"
    words = ("serve", "--host", "127.0.0.1", "--port", port, "--registry", "/registry", *words)
    images.podman(
        *("create", "--name", name, "--read-only", "--network", network, "--ulimit", "host"),
        *("--health-interval", "disable", "--volume", f"{folder}/registry:/registry:ro"),
        *(*options, "localhost/serve", *(words if network == "host" else ())),
    )
    try:
        images.podman("start", name)
        yield Server(images, name, f"http://127.0.0.1:{port}")
    finally:
        images.podman("rm", "--force", name)


@pytest.fixture
def picture(tmp_path):
    return paint(tmp_path / "green.png", "green", size=64).read_bytes()


@pytest.fixture
def folder(tmp_path):
    """A folder with a registry that nobody has signed."""
    release(registry(tmp_path / "registry", name=NAME), colour_model())
    return tmp_path


def test_the_image_is_small_and_holds_nothing_that_trains(images):
    size = int(images.podman("image", "inspect", "--format", "{{.Size}}", "serve").stdout)
    assert size < 400e6
    modules = ("torch", "torchvision", "dvc", "prefect", "onnx", "pandas", "scipy", "pip")
    text = f"import importlib.util as u; print([m for m in {modules} if u.find_spec(m)])"
    words = ("--rm", "--network", "host", "--ulimit", "host", "--entrypoint", "python")
    assert images.podman("run", *words, "serve", "-c", text).stdout == "[]\n"


def test_it_answers_within_three_seconds_without_rights_and_ends_when_told(images, folder, picture):
    with served(images, folder) as server:
        code, text = wait_for(
            lambda: answer if (answer := server.status("/predict", picture))[0] else None,
            said=server.log,
        )
        assert server.cpu_seconds() < 3
        assert code == 200, text
        assert json.loads(text)["predictions"][0]["class"] == "green"
        status = Path(f"/proc/{server.process}/status").read_text()
        assert f"Uid:\t{USER}\t{USER}\t{USER}\t{USER}\n" in status
        assert "CapEff:\t0000000000000000\n" in status
        for place in ("/", "/srv", "/opt/venv", "/registry"):
            assert server.run("touch", f"{place}/new").returncode, place
        assert server.stop() == 0


def test_its_healthcheck_sees_whether_it_answers(images, folder):
    with served(images, folder, network="none") as server:
        wait_for(lambda: server.health() == 0, said=server.log)
        os.kill(server.process, signal.SIGSTOP)
        assert server.health() == 1
        os.kill(server.process, signal.SIGCONT)
        wait_for(lambda: server.health() == 0, said=server.log)


def test_it_loads_only_what_a_trusted_key_has_signed(images, folder, picture):
    anna = Person(folder, "anna")
    (folder / "trusted_keys.txt").write_text(f"{anna.trusted.line}\n")
    options = (
        *("--volume", f"{folder}/trusted_keys.txt:/etc/lradapt/trusted_keys.txt:ro"),
        *("--env", "LRADAPT_TRUSTED_KEYS_FILE=/etc/lradapt/trusted_keys.txt"),
    )
    with served(images, folder, *options) as server:
        wait_for(lambda: "is not trusted" in server.log(), said=server.log)
        assert server.status("/predict", picture)[0] == 503
        assert server.status("/readyz")[0] == 503
        assert server.status("/livez")[0] == 200
    signed = folder / "signed"
    release(registry(signed / "registry", signing=anna, name=NAME), colour_model())
    with served(images, signed, *options) as server:
        wait_for(lambda: server.status("/readyz")[0] == 200, said=server.log)
        assert server.status("/predict", picture)[0] == 200


def test_it_shows_the_nearest_training_images_of_a_project_that_is_mounted(
    images, tmp_path, monkeypatch, picture
):
    for each in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        each.chmod(0o755)  # the user of the container may read it
    monkeypatch.chdir(tmp_path)
    write_explained_project()
    mounted = ("--volume", f"{tmp_path}:/project:ro", "--workdir", "/project")
    with served(images, tmp_path, *mounted, words=("--nearest",)) as server:
        wait_for(lambda: server.status("/readyz")[0] == 200, said=server.log)

        def answer():
            found = json.loads(server.status("/nearest", picture)[1])
            return None if found["is_pending"] else found

        found = wait_for(answer, said=server.log)
        assert [each["image"] for each in found["neighbours"]][:1] == ["green.png"], found
        assert found["neighbours"][0]["picture"].startswith("data:image/png;base64,")


def test_without_the_project_it_says_what_the_nearest_need(images, folder):
    with served(images, folder, words=("--nearest",)) as server:
        wait_for(lambda: "--nearest shows training images" in server.log(), said=server.log)
        assert "of a container, mount it and make it the working directory" in server.log()
