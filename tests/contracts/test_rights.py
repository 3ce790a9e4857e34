"""The policies of docs/security.md, each as it stands there, on a server that enforces them."""

import json
import re
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from signers import Person, keys

from lradapt.production.vouching import vouch
from lradapt.registry import open_registry
from lradapt.registry.s3 import Limits
from lradapt.registry.store import DeniedError
from lradapt.signing.settings import Keys
from tests.unit.releases import promote

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[2] / "docs/security.md"

ALL = "All"
EVERYTHING = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
    }
)


def files(model):
    return {"model.onnx": model, "trained_on.csv": b"", "report.html": b""}


@pytest.fixture
def acting_as(bucket, monkeypatch):
    """A function: the registry, with the credentials of a user with only these roles."""
    from moto import settings
    from moto.core.authorization import ActionAuthenticatorMixin

    iam = bucket.client("iam")
    enforce_conditions(monkeypatch)

    def act(*roles, denied=None):
        monkeypatch.setattr(settings, "INITIAL_NO_AUTH_ACTION_COUNT", float("inf"))
        user = f"{'-and-'.join(roles)}-{uuid.uuid4().hex}"
        iam.create_user(UserName=user)
        for role in roles:
            document = EVERYTHING if role == ALL else policy(role, bucket)
            iam.put_user_policy(UserName=user, PolicyName=role, PolicyDocument=document)
        if denied:  # as the user's: moto asks a bucket's policy before it knows the conditions
            for statement in denied["Statement"]:
                assert statement.pop("Principal") == "*"
            document = json.dumps(denied)
            iam.put_user_policy(UserName=user, PolicyName="denied", PolicyDocument=document)
        keys = iam.create_access_key(UserName=user)["AccessKey"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["SecretAccessKey"])
        monkeypatch.setattr(ActionAuthenticatorMixin, "request_count", 0)
        monkeypatch.setattr(settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
        return open_registry(bucket.url, "moles")

    return act


def enforce_conditions(monkeypatch):
    """Let a statement apply only where its conditions hold: moto does not know those of S3."""
    from moto.iam.access_control import IAMPolicyStatement, IAMRequestBase, PermissionResult

    permits, check = IAMPolicyStatement.is_action_permitted, IAMRequestBase.check_action_permitted
    asked = []

    def remember(request, resource):
        asked.append(request)
        return check(request, resource)

    def permitted(statement, *args, **kwargs):
        conditions = statement._statement.get("Condition", {})
        if not all(holds(asked[-1], *condition) for condition in conditions.items()):
            return PermissionResult.NEUTRAL
        plain = {key: each for key, each in statement._statement.items() if key != "Condition"}
        return permits(IAMPolicyStatement(plain), *args, **kwargs)

    monkeypatch.setattr(IAMRequestBase, "check_action_permitted", remember)
    monkeypatch.setattr(IAMPolicyStatement, "is_action_permitted", permitted)


def holds(request, operator, condition):
    """Whether a condition of docs/security.md holds, by AWS's description of its keys."""
    headers = {name.lower() for name in dict(request._headers)}
    in_parts = "partNumber=" in request._path or "uploads" in request._path.partition("?")[2]
    ((key, wanted),) = condition.items()
    if (operator, key) == ("Null", "s3:if-none-match"):
        return ("if-none-match" in headers) == (wanted == "false")
    assert (operator, key) == ("Bool", "s3:ObjectCreationOperation")
    return in_parts == (wanted == "false")


def policy(role, bucket):
    """The document below the role's heading, for this bucket."""
    section = DOCS.read_text().partition(f"### {role}")[2]
    document = re.search(r"```json\n(.*?)```", section, re.DOTALL)[1]
    for word, value in (("BUCKET", bucket.name), ("PREFIX", "models"), ("NAME", "moles")):
        document = document.replace(word, value)
    return json.dumps(json.loads(document))


def publish(registry, model=b"one"):
    return registry.publish(files(model), {})


def test_each_role_can_do_its_work(acting_as):
    first, second = (publish(acting_as("Trainer"), model) for model in (b"one", b"two"))
    promoter = acting_as("Promoter")
    promote(promoter, first)
    promote(promoter, second)
    promote(promoter, first)
    reader = acting_as("Reader")
    assert reader.production().version == first
    assert reader.read_file(first, "model.onnx") == b"one"
    assert len(reader.promotions()) == 3
    with pytest.raises(DeniedError, match="rights that each role needs"):
        publish(reader, b"three")


def test_a_trainer_cannot_touch_what_is_in_production(acting_as):
    version = publish(acting_as("Trainer"))
    promote(acting_as("Promoter"), version)
    trainer = acting_as("Trainer")
    other = publish(trainer, b"two")
    with pytest.raises(DeniedError):
        promote(trainer, other)
    pointer = trainer.store.read("moles/production.json")
    with pytest.raises(DeniedError, match=r"PutObject of .*/moles/production\.json"):
        trainer.store.replace("moles/production.json", b"{}", etag=pointer.etag)
    with pytest.raises(DeniedError, match=r"PutObject of .*/moles/log/00000099"):
        trainer.store.create("moles/log/00000099.json", b"{}")
    assert trainer.production().version == version


def test_a_trainer_creates_and_never_overwrites_or_deletes(acting_as, bucket):
    trainer = acting_as("Trainer")
    version, client = publish(trainer), trainer.store._requests._client
    target = {"Bucket": bucket.name, "Key": f"models/moles/versions/{version}/report.html"}
    for write, code in (
        (lambda: client.put_object(**target, Body=b"forged"), "AccessDenied"),
        (lambda: client.put_object(**target, Body=b"x", IfNoneMatch="*"), "PreconditionFailed"),
        (lambda: client.delete_object(**target), "AccessDenied"),
    ):
        with pytest.raises(ClientError, match=code):
            write()
    assert acting_as("Reader").read_file(version, "report.html") == b""


def test_a_trainer_sends_a_large_model_in_parts(acting_as):
    trainer = acting_as("Trainer")
    trainer.store._limits = trainer.store._requests._limits = Limits(part_bytes=10)
    version = trainer.publish(files(bytes(range(35))), {})
    assert acting_as("Reader").read_file(version, "model.onnx") == bytes(range(35))


def test_a_pruner_removes_versions_and_touches_nothing_else(acting_as):
    both = acting_as("Trainer", "Promoter")
    live = promote(both, publish(both))
    version = publish(both, b"two")
    pruner = acting_as("Pruner")
    assert pruner.remove(version) == []
    pruner.remove_remnants(pruner.remnants())
    for act in (
        lambda: pruner.store.delete("moles/production.json"),
        lambda: pruner.store.delete("moles/log/00000001.json"),
        lambda: pruner.store.create(f"moles/versions/{version}/model.onnx", b"forged"),
        lambda: promote(pruner, live.version),
    ):
        with pytest.raises(DeniedError):
            act()
    assert pruner.version_names() == [live.version]


def test_a_promoter_adds_to_the_log_and_changes_nothing_in_it(acting_as, bucket):
    version = publish(acting_as("Trainer"))
    promoter = acting_as("Promoter")
    promote(promoter, version)
    client = promoter.store._requests._client
    target = {"Bucket": bucket.name, "Key": "models/moles/log/00000001.json"}
    for write in (
        lambda: client.put_object(**target, Body=b"forged"),
        lambda: client.delete_object(**target),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            write()
    promote(promoter, version)
    assert [each.sequence for each in acting_as("Reader").promotions()] == [1, 2]


def test_the_roles_of_trainer_and_promoter_are_enough_to_sign(acting_as, tmp_path):
    anna = Person(tmp_path, "anna")

    def signing(*roles):
        return replace(acting_as(*roles), keys=keys(anna, [anna]))

    version = publish(signing("Trainer"))
    promote(signing("Promoter"), version)
    reader = signing("Reader")
    assert reader.read_file(version, "model.onnx") == b"one"
    assert [each.key for each in reader.promotions()] == [anna.key.id]
    unsigned = replace(reader, keys=Keys())
    assert [each.version for each in unsigned.list_versions()] == [version]
    bo = Person(tmp_path, "bo")
    rotating = replace(acting_as("Trainer", "Promoter"), keys=keys(bo, [anna, bo]))
    assert vouch(rotating, [], adopt=False).versions == (version,)
    assert replace(acting_as("Reader"), keys=keys(None, [bo])).production().version == version


def test_the_policy_of_the_bucket_binds_even_whoever_may_do_everything(acting_as, bucket):
    both = acting_as("Trainer", "Promoter")
    version = publish(both)
    promote(both, version)
    mighty = acting_as(ALL, denied=json.loads(policy("Bucket", bucket)))
    client = mighty.store._requests._client
    for key in (f"versions/{version}/model.onnx", "log/00000001.json"):
        target = {"Bucket": bucket.name, "Key": f"models/moles/{key}"}
        with pytest.raises(ClientError, match="AccessDenied"):
            client.put_object(**target, Body=b"forged")
        with pytest.raises(ClientError, match="PreconditionFailed"):
            client.put_object(**target, Body=b"forged", IfNoneMatch="*")
    with pytest.raises(ClientError, match="AccessDenied"):
        client.delete_object(Bucket=bucket.name, Key="models/moles/log/00000001.json")
    mighty.store._limits = mighty.store._requests._limits = Limits(part_bytes=10)
    other = mighty.publish(files(bytes(range(35))), {})  # in parts
    promote(mighty, other)
    assert mighty.remove(publish(mighty, b"three")) == []
    assert mighty.production().version == other


def test_a_promoter_cannot_make_a_version(acting_as):
    promoter = acting_as("Promoter")
    with pytest.raises(DeniedError, match=r"PutObject of .*/moles/versions/"):
        publish(promoter)
    assert promoter.store.list("") == []


def test_a_role_ends_at_the_model_that_it_is_for(acting_as):
    both = acting_as("Trainer", "Promoter")
    promote(both, publish(both))
    with pytest.raises(DeniedError):
        replace(both, name="letters").publish(files(b"one"), {})
    with pytest.raises(DeniedError):
        both.store.read("letters/production.json")
