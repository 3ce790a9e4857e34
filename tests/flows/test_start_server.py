"""Before a flow by hand its server is asked, so that a missing one is reported at once."""

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.program import start_server
from lradapt.errors import LradaptError
from tests.prefect_server import free_port


def test_a_server_that_does_not_answer_is_an_error_that_says_how_to_get_one(monkeypatch):
    url = f"http://127.0.0.1:{free_port()}/api"
    monkeypatch.setenv("PREFECT_API_URL", url)
    with (
        temporary_settings({PREFECT_API_URL: url}),
        pytest.raises(LradaptError, match=rf"no server of Prefect answers at {url}: .*`make ui`"),
    ):
        start_server()
