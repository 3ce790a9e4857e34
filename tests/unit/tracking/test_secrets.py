import pytest

from lradapt.tracking.secrets import without_secrets

ENVIRONMENT = {
    "MLFLOW_TRACKING_PASSWORD": "hunter22",
    "WANDB_API_KEY": "0123456789abcdef",
    "AWS_SECRET_ACCESS_KEY": "hunter22-and-more",
    "MLFLOW_TRACKING_URI": "https://ada:open%20sesame@host/mlflow",
    "HOME": "/home/ada",
    "SHORT_TOKEN": "at",
}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no answer from http://ada:pw@host:5000/api", "no answer from http://...@host:5000/api"),
        ("401 at https://host/x?token=abc&a=b: denied", "401 at https://host/x?... denied"),
        ("at http://ada:p@ss@host:5000/a@b", "at http://...@host:5000/a@b"),
        ("Failed to parse: ada:open%20sesame@host", "Failed to parse: ada:...@host"),
        ("no user with open sesame", "no user with ..."),
        ("login hunter22 failed", "login ... failed"),
        ("key=hunter22-and-more", "key=..."),
        ("key 0123456789abcdef", "key ..."),
        ("what is at /home/ada?", "what is at /home/ada?"),
        ("first\nsecond hunter22", "first"),
        ("a\x1b[31m", "a\\x1b[31m"),
        ("x" * 400, "x" * 300 + "..."),
        ("", ""),
    ],
)
def test_what_is_logged_of_a_client_has_no_secret_and_one_line(text, shown):
    assert without_secrets(text, ENVIRONMENT) == shown
