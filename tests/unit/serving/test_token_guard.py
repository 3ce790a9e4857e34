import pytest
from asgi_client import asked

from lradapt.registry import open_registry
from lradapt.serving.additions import Additions
from lradapt.serving.live_model import LiveModel
from lradapt.serving.server import create_app
from lradapt.serving.settings import Settings
from lradapt.serving.tokens import hashed, read_tokens

ACCEPTED = read_tokens(f"{hashed('anna', 'a-token')} {hashed('ben', 'b-token')}")
CLOSED = [
    ("POST", "/predict"),
    ("GET", "/version"),
    ("GET", "/health"),
    ("GET", "/metrics"),
    ("GET", "/nothing"),
]


@pytest.fixture
def ask(tmp_path):
    """A function that sends one request to an endpoint without a model."""

    def send(method, path, headers=(), accepted=ACCEPTED, content=None):
        live = LiveModel(open_registry(str(tmp_path / "registry"), "colours"))
        settings = Settings(max_bytes=1000, refresh_seconds=60, num_threads=1)
        app = create_app(live, settings, Additions(accepted=accepted))

        async def work(client):
            return await client.request(method, path, headers=headers, content=content)

        return asked(app, work)

    return send


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_a_request_without_a_token_is_401_and_says_how_to_send_one(ask, method, path):
    output = ask(method, path)
    assert output.status_code == 401
    assert "Authorization: Bearer TOKEN" in output.json()["detail"]
    assert output.headers["www-authenticate"].startswith("Bearer")
    assert output.headers["connection"] == "close"


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_a_request_with_one_of_the_tokens_is_answered(ask, method, path):
    for token in ("a-token", "b-token"):
        output = ask(method, path, {"authorization": f"Bearer {token}"})
        assert output.status_code in ((200,) if path == "/metrics" else (404, 503))


@pytest.mark.parametrize(
    "value",
    ["Bearer wrong", "Bearer a-token x", "Bearer A-TOKEN", "Bearer ", "Basic a-token", "a-token"],
)
def test_a_wrong_token_is_401_and_not_repeated(ask, value):
    output = ask("GET", "/version", {"authorization": value})
    assert output.status_code == 401
    assert not {"wrong", "a-token", "A-TOKEN"} & set(output.text.split())


@pytest.mark.parametrize("tokens", [("wrong", "a-token"), ("a-token", "wrong")])
def test_two_tokens_in_one_request_are_none(ask, tokens):
    both = [("authorization", f"Bearer {token}") for token in tokens]
    assert ask("GET", "/version", both).status_code == 401


def test_the_kind_may_be_in_any_case(ask):
    assert ask("GET", "/version", {"authorization": "bearer a-token"}).status_code == 503


def test_nothing_of_a_refused_body_is_read(ask):
    sent = []

    async def body():
        sent.append(1)
        yield b"x"

    assert ask("POST", "/predict", content=body()).status_code == 401
    assert sent == []


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_the_probes_need_no_token_and_reveal_one_word(ask, path):
    output = ask("GET", path)
    assert output.status_code in (200, 503)
    assert set(output.json()) == {"status"}


def test_without_accepted_tokens_nothing_needs_one(ask):
    assert ask("GET", "/version", accepted=()).status_code == 503
    assert ask("GET", "/health", {"authorization": "Bearer x"}, accepted=()).status_code == 503
