"""The name and the tags of a run in Prefect's UI: its data and its architecture."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from prefect import task
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run

from lradapt.config.params import load_params
from lradapt.config.paths import read_paths
from tasks.pipeline.plan import Node


@task(persist_result=False)
def name_run(plan: Sequence[Node]) -> None:
    """Name the run of the flow by architecture and data, and tag it."""
    architecture, version = load_params().model.architecture, data_version(plan)
    tags = {*flow_run.get_tags(), architecture, f"data-{version}"}
    with get_client(sync_client=True) as client:
        client.update_flow_run(
            UUID(flow_run.get_id()), name=f"{architecture} on data {version}", tags=sorted(tags)
        )


def data_version(plan: Sequence[Node]) -> str:
    """Return eight hexadecimal digits that identify images and labels, from their `.dvc` files."""
    paths = read_paths()
    data = {str(paths.images), str(paths.labels)}
    sources = sorted(node.address for node in plan if node.is_source and node.makes & data)
    return hashlib.sha256(b"".join(Path(name).read_bytes() for name in sources)).hexdigest()[:8]
