"""The rates of some ways to serve, in rounds, beside whatever else the machine does.

    python -m benchmarks.serving photo.jpg "lradapt serve" "env LRADAPT_TOKENS=... lradapt serve"

All servers run all the time, and one of them has clients. The wall clock depends on the other work
of the machine, so the CPU seconds of the server for each request are the figure to compare.
"""

import os
import shlex
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.endpoint import Load, Server, predict_request, put_load, serving
from benchmarks.measuring import interleaved, median_range
from benchmarks.program import run
from lradapt.cli.number_options import MAX_SECONDS, number_option

LoadSeconds = Annotated[float, number_option(least=0.1, most=MAX_SECONDS, help="Of each load.")]


def compare(
    image: Annotated[Path, typer.Argument(help="An image file, the body of each request.")],
    commands: Annotated[
        list[str],
        typer.Argument(help="Of `lradapt serve`, without --port; `env NAME=VALUE ...` sets some."),
    ],
    clients: Annotated[int, typer.Option(help="Connections that ask without a pause.")] = 16,
    rounds: Annotated[int, typer.Option(help="In each, every server has clients once.")] = 6,
    seconds: LoadSeconds = 3,
    token: Annotated[str, typer.Option(help="Sent to all servers.")] = "",
) -> None:
    """Compare ways to serve the model in production with the first of them."""
    requests = [predict_request(image.read_bytes(), token)]
    with ExitStack() as stack:
        servers = {
            each: stack.enter_context(serving(shlex.split(each)))
            for each in dict.fromkeys(commands)
        }
        print_loads(put_loads(servers, requests, clients, rounds, seconds))


def put_loads(
    servers: Mapping[str, Server],
    requests: Sequence[bytes],
    clients: int,
    rounds: int,
    seconds: float,
) -> dict[str, list[Load]]:
    """Put load on running servers, one after the other in each round; return the loads by name."""
    for server in servers.values():
        put_load(server, requests, clients, seconds / 2)  # what is slow once is over
    measures = {
        name: partial(put_load, server, requests, clients, seconds)
        for name, server in servers.items()
    }
    return interleaved(measures, rounds)


def print_loads(found: Mapping[str, Sequence[Load]]) -> None:
    """Print the medians of each server, and its ratios to the first in the rounds."""
    base, *_ = found.values()
    for name, loads in found.items():
        rates = (load.rate / other.rate for load, other in zip(loads, base, strict=True))
        cpu = (load.cpu_ms / other.cpu_ms for load, other in zip(loads, base, strict=True))
        typer.echo(
            f"{name}: {median_range((load.rate for load in loads), '.1f')} requests/s, "
            f"CPU {median_range((load.cpu_ms for load in loads), '.2f')} ms each, "
            f"p50 {median_range((1000 * load.p50 for load in loads), '.0f')} ms, "
            f"p99 {median_range((1000 * load.p99 for load in loads), '.0f')} ms; to the first: "
            f"rate {median_range(rates, '.3f')}, CPU {median_range(cpu, '.3f')}"
        )
    typer.echo(f"load of the machine {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    run(compare)
