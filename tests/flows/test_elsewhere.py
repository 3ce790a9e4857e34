"""How long a call of another machine is waited for, and what it carries; the server is a twin."""

import time
from types import SimpleNamespace
from uuid import UUID

import pytest
from prefect.client.schemas.objects import FlowRun, WorkerStatus
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Completed, Crashed, Failed, Pending, Running

from tasks import git
from tasks.pipeline import dvc_commands
from tasks.remote import dispatch as elsewhere
from tasks.remote import results as answer
from tasks.remote.dispatch import ElsewhereError
from tasks.remote.inputs import Needs

CALL = UUID(int=7)


class Server:
    """A twin that tells, at each question, the next state of the run; the last one for ever.

    Args:
        states: of the run.
        workers: statuses of those of the pool.
    """

    def __init__(self, *states, workers=()):
        self.states, self.workers, self.asked = list(states), workers, 0

    def read_flow_run(self, flow_run):
        assert flow_run == CALL
        state = self.states[min(self.asked, len(self.states) - 1)]
        self.asked += 1
        return SimpleNamespace(state=state, id=flow_run)

    def read_workers_for_work_pool(self, pool):
        assert pool == "gpu"
        return [SimpleNamespace(status=status) for status in self.workers]

    def read_deployment_by_name(self, name):
        if name != "stage/stage-gpu":
            raise ObjectNotFound(Exception(name))


@pytest.fixture
def clock(monkeypatch):
    """A clock that only waiting moves on; its seconds so far."""
    clock = SimpleNamespace(now=0.0)

    def sleep(seconds):
        clock.now += seconds
        assert clock.now < 1000, "it waits for ever"

    monkeypatch.setattr(
        elsewhere, "time", SimpleNamespace(monotonic=lambda: clock.now, sleep=sleep)
    )
    return clock


def test_a_pool_without_a_worker_is_given_up_after_its_time_and_not_before(clock):
    server = Server(Pending(), workers=[WorkerStatus.OFFLINE])
    message = r"pool gpu has had no worker for 60 seconds.*`lradapt worker --pool gpu`"
    with pytest.raises(ElsewhereError, match=message):
        elsewhere._wait(server, CALL, "gpu")
    assert clock.now == elsewhere.NO_WORKER_SECONDS + elsewhere.POLL_SECONDS


def test_a_worker_that_is_there_and_busy_is_waited_for(clock):
    server = Server(*[Pending()] * 200, Completed(), workers=[WorkerStatus.ONLINE])
    assert elsewhere._wait(server, CALL, "gpu").state.is_completed()
    assert clock.now == 200 * elsewhere.POLL_SECONDS


def test_a_call_that_runs_outlives_its_worker(clock):
    server = Server(*[Running()] * 200, Completed())
    assert elsewhere._wait(server, CALL, "gpu").state.is_completed()


def test_the_time_without_a_worker_is_counted_from_the_last_sign_of_one(clock):
    away = [Pending()] * 20  # 40 seconds, then a worker takes it, then it is given back
    server = Server(*away, Running(), *away, Completed())
    assert elsewhere._wait(server, CALL, "gpu").state.is_completed()


@pytest.mark.parametrize(
    ("state", "output"),
    [
        (Failed(message="the disk is full"), "the disk is full"),
        (Failed(), "no reason was reported"),
    ],
)
def test_a_call_that_failed_is_reported_with_pool_state_run_and_reason(state, output):
    run = FlowRun(id=CALL, flow_id=CALL, state=state)
    assert elsewhere._failure("train", "gpu", run) == (
        f"train has not run in pool gpu (Failed, flow run {CALL}):\n{output}"
    )


@pytest.fixture
def called(monkeypatch, tmp_path):
    """What `reproduce` does, in order, where `train` needs `decode`; nothing of it is done."""
    done = []
    needs = [
        Needs("decode", code=("a.py",), data=("data/images",), texts=("dvc.yaml",), unpushed=()),
        Needs(
            "train",
            code=("b.py",),
            data=("table.csv", "data/images"),
            texts=("dvc.yaml", "params.yaml", "dvc.lock"),
            unpushed=(),
        ),
    ]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text("stages: {}")
    (tmp_path / "params.yaml").write_text("é: 1")
    monkeypatch.setattr(elsewhere, "read_needs", lambda address: needs)
    monkeypatch.setattr(elsewhere, "read_status", lambda address: {"train": ["changed"]})
    monkeypatch.setattr(git, "checked", lambda *words: "c0ffee\n")
    monkeypatch.setattr(dvc_commands, "run", lambda *words: done.append(words))
    monkeypatch.setattr(answer, "receive", lambda flow_run: flow_run)
    monkeypatch.setattr(answer, "accept", lambda *words: done.append(("accept", *words)))

    def run_deployment(name, **words):
        done.append((name, words))
        return FlowRun(id=CALL, flow_id=CALL, state=Pending())

    monkeypatch.setattr(elsewhere, "run_deployment", run_deployment)
    return done


@pytest.fixture
def client(monkeypatch):
    """A function: the server's twin in the place of a client; what was set there of runs."""
    states = []

    def place(server):
        server.set_flow_run_state = lambda run, state, force: states.append((run, state.name))

        class Client:
            def __enter__(self):
                return server

            def __exit__(self, *error):
                return None

        monkeypatch.setattr(elsewhere, "get_client", lambda sync_client: Client())
        return states

    return place


def test_a_call_pushes_its_data_first_and_carries_commit_and_texts_that_are_there(
    called, client, clock
):
    client(Server(Completed()))
    elsewhere.reproduce.fn("train", "gpu")
    pushed, (name, call), accepted = called
    assert pushed == ("push", "data/images", "table.csv")
    assert name == "stage/stage-gpu"
    assert call["parameters"] == {
        "address": "train",
        "commit": "c0ffee",
        "texts": {"dvc.yaml": "stages: {}", "params.yaml": "é: 1"},
    }
    assert call["timeout"] == 0, "it waits by itself, else no pool without a worker is seen"
    assert call["flow_run_name"] == "train"
    assert accepted == ("accept", "train", CALL)


def test_what_nothing_has_changed_of_is_not_called(called, client, monkeypatch):
    monkeypatch.setattr(elsewhere, "read_status", lambda address: {"decode": ["changed"]})
    elsewhere.reproduce.fn("train", "gpu")
    assert called == []


@pytest.mark.parametrize("state", [Failed(), Crashed(), Cancelled()])
def test_of_a_call_that_did_not_complete_nothing_is_accepted(called, client, clock, state):
    client(Server(state))
    with pytest.raises(ElsewhereError, match="train has not run in pool gpu"):
        elsewhere.reproduce.fn("train", "gpu")
    assert [words[0] for words in called] == ["push", "stage/stage-gpu"]


class CancelledError(BaseException):
    pass


def test_a_call_that_is_left_is_cancelled_there_and_the_cancel_goes_on(called, client, monkeypatch):
    states = client(Server(Running()))

    def cancel(seconds):
        raise CancelledError

    monkeypatch.setattr(elsewhere, "time", SimpleNamespace(monotonic=time.monotonic, sleep=cancel))
    with pytest.raises(CancelledError):
        elsewhere.reproduce.fn("train", "gpu")
    assert states == [(CALL, "Cancelling")]


def test_only_pools_without_a_deployment_are_reported_as_missing(client, monkeypatch):
    server = Server(Completed())
    server.api_url = "http://here/api"
    client(server)
    elsewhere._require_deployments({"gpu"})
    with pytest.raises(ElsewhereError, match="at http://here/api has no deployment stage/") as e:
        elsewhere._require_deployments({"tpu", "gpu", "cpu"})
    assert "no deployment stage/stage-cpu, stage/stage-tpu, by which" in str(e.value)
