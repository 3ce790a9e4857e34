"""The manifests of deploy/kubernetes/: valid by the schemas, and in step with the images."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
USER = 10001
VERSION = "1.33"


def documents(path):
    return list(yaml.safe_load_all(path.read_text()))


def pods():
    """Each deployment's pod, and its only container."""
    for path in FILES:
        for document in documents(path):
            if document["kind"] == "Deployment":
                pod = document["spec"]["template"]["spec"]
                (container,) = pod["containers"]
                yield pytest.param(pod, container, id=document["metadata"]["name"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_manifests_fit_the_schemas_of_kubernetes(path):
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    for document in documents(path):
        assert kubernetes_validate.validate(document, VERSION, strict=True)


@pytest.mark.parametrize(("pod", "container"), list(pods()))
def test_a_container_has_no_rights_that_it_does_not_need(pod, container):
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == USER
    assert f"USER {USER}:{USER}" in (ROOT / "Containerfile").read_text()
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {each["name"] for each in container["volumeMounts"]} == {
        each["name"] for each in pod["volumes"]
    }


def test_the_service_finds_the_pods_that_serve():
    deployment, service = documents(ROOT / "deploy" / "kubernetes" / "serve.yaml")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"] == labels
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert service["spec"]["ports"][0]["targetPort"] in {
        each["name"] for each in container["ports"]
    }


def test_the_arguments_of_the_server_are_options_of_the_command(lradapt_help):
    deployment, _ = documents(ROOT / "deploy" / "kubernetes" / "serve.yaml")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    command, *options = container["args"]
    assert {each.partition("=")[0] for each in options} <= lradapt_help(command)


@pytest.fixture
def lradapt_help():
    """A function: the names of the options of a command."""
    from typer.main import get_command

    from lradapt.cli.app import app

    def options(command):
        parameters = get_command(app).commands[command].params
        return {name for each in parameters for name in each.opts}

    return options
