"""This project's own server: its auth string, its origins, and the way past proxies."""

import importlib.util
import threading
from pathlib import Path

import pytest

from flows import ui
from tasks.server import access

PROXY = "http://proxy.example:3128"
LOCAL = "127.0.0.1,localhost,::1"


@pytest.fixture
def own(tmp_path):
    """The auth string that is made for a project."""
    return access.auth_string(tmp_path, make=True)


def test_one_is_made_for_a_project_and_kept(own, tmp_path):
    assert len(own) > 30
    assert access.auth_string(tmp_path, make=True) == own
    assert access.auth_string(tmp_path, make=False) == own
    assert (tmp_path / access.FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / ".prefect").iterdir()] == ["auth"]


def test_programs_that_start_at_once_have_the_same(tmp_path):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(access.auth_string(tmp_path, make=True)))
        for _ in range(2)
    ]
    access._write_new(tmp_path / access.FILE, "first\n")
    access._write_new(tmp_path / access.FILE, "second\n")
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["first", "first"]


def test_without_a_server_of_its_own_a_project_has_none(tmp_path):
    assert access.auth_string(tmp_path, make=False) is None
    assert access.for_clients(tmp_path, {"PREFECT_API_URL": "http://127.0.0.1:4200/api"}) == {}


@pytest.mark.parametrize(("mode", "text"), [(0o644, "a:b"), (0o640, "a:b"), (0o600, " \n")])
def test_a_file_that_others_can_read_or_that_is_empty_is_refused(tmp_path, mode, text):
    path = tmp_path / access.FILE
    path.parent.mkdir()
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(access.AccessError, match="remove it and start the server again"):
        access.auth_string(tmp_path, make=True)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4200/api", "http://localhost:1/api", "http://[::1]:2"]
)
def test_a_client_of_a_server_on_this_machine_gives_it(own, tmp_path, url):
    assert access.for_clients(tmp_path, {"PREFECT_API_URL": url}) == {access.CLIENT: own}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"PREFECT_API_URL": "https://api.prefect.cloud/api/x"},
        {"PREFECT_API_URL": "http://127.0.0.1.evil.example/api"},
        {"PREFECT_API_URL": "http://127.0.0.1/api", access.CLIENT: "a person's own"},
        {"PREFECT_API_URL": "http://127.0.0.1/api", "PREFECT_API_KEY": "a person's own"},
    ],
)
def test_no_other_server_is_given_it_and_a_persons_own_is_kept(own, tmp_path, environment):
    assert own
    assert access.for_clients(tmp_path, environment) == {}


def test_the_server_of_make_ui_asks_for_it_and_serves_its_own_pages_alone(own, tmp_path):
    settings = ui.environment(tmp_path, 4321)
    assert settings[access.SERVER] == settings[access.CLIENT] == own
    assert settings[access.ORIGINS] == "http://127.0.0.1:4321,http://localhost:4321"
    assert settings["PREFECT_HOME"] == str(tmp_path / ".prefect")


def test_the_temporary_server_asks_for_it_and_serves_no_page(own, tmp_path):
    assert access.for_own_server(tmp_path) == {
        access.SERVER: own,
        access.CLIENT: own,
        access.ORIGINS: "http://no-page.invalid",
    }


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "https_proxy"])
def test_this_machine_is_reached_past_a_proxy(name):
    assert access.past_proxies({name: PROXY}) == {"NO_PROXY": LOCAL, "no_proxy": LOCAL}


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_what_a_person_reaches_past_it_stays(name):
    changes = access.past_proxies({"HTTP_PROXY": PROXY, name: "a.example, localhost"})
    assert changes["no_proxy"] == "a.example,localhost,127.0.0.1,::1"
    assert access.past_proxies({"HTTP_PROXY": PROXY, name: "*"})["NO_PROXY"] == "*"


def test_without_a_proxy_nothing_changes():
    assert access.past_proxies({"PATH": "/bin", "HTTP_PROXY": ""}) == {}


@pytest.mark.parametrize(("usable", "removed"), [(False, {"ALL_PROXY": None}), (True, {})])
def test_a_proxy_by_socks_is_removed_where_no_package_can_use_it(monkeypatch, usable, removed):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object() if usable else None)
    found = access.past_proxies({"ALL_PROXY": "socks5://proxy.example:1080"})
    assert found == {"NO_PROXY": LOCAL, "no_proxy": LOCAL, **removed}


def test_nothing_here_imports_prefect():
    """It reads its settings when it is first imported."""
    assert "import prefect" not in Path(access.__file__).read_text()
    assert "from prefect" not in Path(access.__file__).read_text()
