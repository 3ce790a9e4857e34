"""Register this project's flows on a Prefect server: prefect.yaml, and what it cannot express."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import typer
import yaml
from prefect.client.orchestration import get_client
from prefect.flows import load_flow_from_entrypoint
from prefect.settings import PREFECT_API_URL

from flows.program import require_access, run, session
from lradapt.cli.options import Debug
from lradapt.errors import LradaptError
from tasks.server import setup as server

FILE = Path("prefect.yaml")
PROJECT = "LRADAPT_PROJECT"
WEBHOOK = "LRADAPT_WEBHOOK_URL"


class DeployError(LradaptError):
    """The flows cannot be registered; the text contains reason and remedy."""


def main(debug: Debug = False) -> None:
    """Register this project's flows on a Prefect server.

    Makes work pools, limit and automations, and registers every deployment of
    prefect.yaml; it can be repeated. PREFECT_API_URL names the server. `make deploy`
    calls this.
    """
    with session(debug=debug):
        require_server()
        deployments = yaml.safe_load(FILE.read_text(encoding="utf-8"))["deployments"]
        pools = sorted({each["work_pool"]["name"] for each in deployments})
        new = server.ensure_pools(pools)
        typer.echo(f"work pools: {', '.join(pools)}; new: {', '.join(new) or 'none'}")
        server.ensure_slot()
        typer.echo("limit: one GPU job at a time")
        made = server.ensure_automations(_flows(deployments), os.environ.get(WEBHOOK, ""))
        typer.echo(f"automations: {'; '.join(made)}")
        _register()
        typer.echo(f"deployments: {', '.join(each['name'] for each in deployments)}")


def require_server() -> None:
    """Check that PREFECT_API_URL names a server that answers and that lets this project in.

    Raises:
        DeployError: it does not.
    """
    url = PREFECT_API_URL.value()
    if not url:
        raise DeployError("PREFECT_API_URL names no server: `make ui` starts one; see its output")
    with get_client(sync_client=True) as client:
        fault = client.api_healthcheck()
    if isinstance(fault, httpx.HTTPError):
        raise DeployError(f"no Prefect server answers at {url}: `make ui` starts one")
    if fault:
        raise DeployError(f"{url} gives no usable answer: {fault}")
    require_access()


def _flows(deployments: list[dict[str, Any]]) -> list[str]:
    return sorted({load_flow_from_entrypoint(each["entrypoint"]).name for each in deployments})


def _register() -> None:
    """Register the deployments of prefect.yaml, with Prefect's own command."""
    # With this variable, the deployments would hold this machine's folder, not the worker's.
    environment = {name: value for name, value in os.environ.items() if name != PROJECT}
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        raise DeployError(f"{FILE} could not be registered:\n{done.stdout.strip()}")


if __name__ == "__main__":
    run(main, "PREFECT_API_URL=http://127.0.0.1:4200/api python -m flows.deploy")
