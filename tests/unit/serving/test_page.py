import re
from importlib.resources import files

import pytest
from asgi_client import asked

from lradapt.registry import open_registry
from lradapt.serving.additions import Additions
from lradapt.serving.live_model import LiveModel
from lradapt.serving.server import create_app
from lradapt.serving.settings import Settings
from lradapt.serving.tokens import hashed, read_tokens

PAGE = files("lradapt.serving") / "page"


@pytest.fixture
def get(tmp_path):
    """A function that asks an endpoint with tokens for a path, without one."""
    live = LiveModel(open_registry(str(tmp_path / "registry"), "colours"))
    settings = Settings(max_bytes=1000, refresh_seconds=60, num_threads=1)
    app = create_app(live, settings, Additions(accepted=read_tokens(hashed("anna", "a"))))

    return lambda path: asked(app, lambda client: client.get(path))


@pytest.mark.parametrize(
    ("path", "kind"), [("/", "html"), ("/page.css", "css"), ("/page.js", "javascript")]
)
def test_the_files_of_the_page_need_no_token_and_may_load_nothing_of_others(get, path, kind):
    output = get(path)
    assert (output.status_code, output.headers["content-type"]) == (
        200,
        f"text/{kind}; charset=utf-8",
    )
    policy = output.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert not re.search(r"https?:|\*|unsafe", policy)


def test_the_page_names_no_other_server_and_works_behind_a_path():
    for file in PAGE.iterdir():
        text = file.read_text()
        assert "//" not in re.sub(r"(?m)^\s*// .*| // .*$", "", text)
        assert not re.search(r"""(src|href)="/|ask\("/""", text)


def test_each_element_that_the_script_uses_exists():
    used = set(re.findall(r'\$\("([\w-]+)"\)', (PAGE / "page.js").read_text()))
    ids = re.findall(r'id="([\w-]+)"', (PAGE / "index.html").read_text())
    assert used <= set(ids)
    assert len(ids) == len(set(ids))
