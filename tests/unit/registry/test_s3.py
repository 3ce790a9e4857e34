import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lradapt.registry import open_store
from lradapt.registry.s3 import Limits, S3Store
from lradapt.registry.s3_location import parse_location
from lradapt.registry.store import (
    ChangedError,
    DamagedError,
    DeniedError,
    ExistsError,
    MissingError,
    RegistryError,
    UnreachableError,
    UnsafeStoreError,
)
from tests.s3_servers import SECRET_KEY, answers, ignores, keeps_nothing, loses_the_answer

pytestmark = pytest.mark.slow

ONCE = Limits(num_attempts=1)
IN_PARTS = Limits(part_bytes=10)


def in_parts(bucket):
    return S3Store(parse_location(bucket.url), IN_PARTS)


def names(bucket):
    listed = bucket.client().list_objects_v2(Bucket=bucket.name)
    return [item["Key"] for item in listed.get("Contents", [])]


def test_a_key_is_an_object_below_the_prefix_and_no_probe_is_left(bucket):
    open_store(bucket.url).create("a/b", b"one")
    assert names(bucket) == ["models/a/b"]


def test_two_prefixes_of_a_bucket_do_not_meet(bucket):
    whole, part = open_store(f"s3://{bucket.name}"), open_store(bucket.url)
    whole.create("models-old/a", b"")
    part.create("a", b"one")
    assert part.list("") == ["a"]
    assert whole.list("") == ["models-old/a", "models/a"]


def test_lists_more_keys_than_one_answer_holds(bucket):
    from moto.s3.models import s3_backends

    (backend,) = (b for by in s3_backends.values() for b in by.values() if bucket.name in b.buckets)
    for number in range(1005):
        backend.put_object(bucket.name, f"models/{number:04d}", b"")
    assert open_store(bucket.url).list("") == [f"{number:04d}" for number in range(1005)]


def test_large_content_goes_in_parts_that_are_joined_on_condition(bucket, moto):
    store = in_parts(bucket)
    with moto.failing(ignores(), times=0):
        store.create("a", bytes(range(35)))
        sent = [request.partition("partNumber=")[2] for request in moto.requests]
    assert [parts for parts in sent if parts] == ["1", "1", "2", "3", "4"]  # the first: the probe's
    assert store.read("a").content == bytes(range(35))
    with pytest.raises(ExistsError):
        store.create("a", bytes(35))
    assert store.read("a").content == bytes(range(35))


def test_parts_that_lost_a_race_are_removed(bucket):
    store = in_parts(bucket)
    store.create("a", bytes(35))
    with pytest.raises(ExistsError):
        store.create("a", bytes(35))
    assert "Uploads" not in bucket.client().list_multipart_uploads(Bucket=bucket.name)


def test_parts_that_were_refused_are_removed(bucket, moto):
    store = in_parts(bucket)
    with (
        moto.failing(answers(403, "AccessDenied"), on="PUT .*/a.*partNumber=3"),
        pytest.raises(DeniedError, match="UploadPart"),
    ):
        store.create("a", bytes(35))
    assert "Uploads" not in bucket.client().list_multipart_uploads(Bucket=bucket.name)


def test_parts_that_cannot_be_removed_are_reported(bucket, moto, caplog):
    store = in_parts(bucket)
    store.create("a", b"")
    with (
        moto.failing(answers(403, "AccessDenied"), on="(PUT|DELETE) .*/b"),
        pytest.raises(DeniedError, match="UploadPart"),
    ):
        store.create("b", bytes(35))
    assert "parts of an upload remain" in caplog.text


def test_what_is_replaced_is_never_sent_in_parts(bucket, moto):
    store = in_parts(bucket)
    store.create("a", b"one")
    with moto.failing(ignores(), times=0):
        store.replace("a", bytes(35), etag=store.read("a").etag)
    assert not any("partNumber" in request for request in moto.requests)
    with pytest.raises(ChangedError):
        store.replace("a", bytes(36), etag='"0"')


def test_every_object_carries_the_hash_of_its_content_and_the_encryption_asked_for(bucket):
    for url, content in ((bucket.url, b"one"), (f"{bucket.url}?sse=AES256", b"two")):
        store = S3Store(parse_location(url), IN_PARTS)
        store.create(f"{content.decode()}/whole", content)
        store.create(f"{content.decode()}/parts", content * 10)
    heads = {
        name: bucket.client().head_object(Bucket=bucket.name, Key=name) for name in names(bucket)
    }
    assert {len(head["Metadata"]["sha256"]) for head in heads.values()} == {64}
    assert len({head["Metadata"]["mark"] for head in heads.values()}) == 4
    assert {name for name, head in heads.items() if "ServerSideEncryption" in head} == {
        "models/two/parts",
        "models/two/whole",
    }


def test_an_object_that_was_changed_behind_the_registry_is_refused(bucket):
    store = S3Store(parse_location(bucket.url), ONCE)
    store.create("a", b"one")
    client = bucket.client()
    marks = client.head_object(Bucket=bucket.name, Key="models/a")["Metadata"]
    client.put_object(Bucket=bucket.name, Key="models/a", Body=b"onf", Metadata=marks)
    with pytest.raises(DamagedError, match="models/a is damaged: 3 bytes with sha256"):
        store.read("a")


def test_an_object_that_a_person_has_put_there_is_read(bucket):
    bucket.client().put_object(Bucket=bucket.name, Key="models/a", Body=b"by hand")
    assert open_store(bucket.url).read("a").content == b"by hand"


# A write whose answer was lost


@pytest.mark.parametrize("content", [b"one", bytes(35)], ids=["whole", "in parts"])
def test_a_create_whose_answer_was_lost_knows_its_own_object(bucket, moto, content):
    store = in_parts(bucket)
    store.create("first", b"")
    with moto.failing(loses_the_answer, on="(PUT|POST) .*/a($|.*uploadId)", times=1):
        store.create("a", content)
    assert store.read("a").content == content


def test_a_replace_whose_answer_was_lost_knows_its_own_object(bucket, moto):
    store = open_store(bucket.url)
    store.create("a", b"one")
    etag = store.read("a").etag
    with moto.failing(loses_the_answer, on="PUT [^.]*/a", times=1):
        store.replace("a", b"two", etag=etag)
    assert store.read("a").content == b"two"


def test_a_lost_race_is_reported_although_an_answer_was_lost_and_the_content_is_equal(bucket, moto):
    store, rival = open_store(bucket.url), open_store(bucket.url)
    rival.create("a", b"one")
    store.create("first", b"")
    etag = rival.read("a").etag
    with moto.failing(loses_the_answer, on="PUT [^.]*/a", times=1), pytest.raises(ExistsError):
        store.create("a", b"one")
    rival.replace("a", b"two", etag=etag)
    with moto.failing(loses_the_answer, on="PUT [^.]*/a", times=1), pytest.raises(ChangedError):
        store.replace("a", b"two", etag=etag)


def test_two_writes_that_met_are_tried_again(bucket, moto):
    store = open_store(bucket.url)
    with moto.failing(answers(409, "ConditionalRequestConflict"), on="PUT [^.]*/a", times=2):
        store.create("a", b"one")
    assert store.read("a").content == b"one"


# The proof before the first write


@pytest.mark.parametrize(
    ("fault", "on", "after", "reason"),
    [
        (ignores("If-None-Match"), "PUT", 0, "overwrites in spite of If-None-Match"),
        (ignores("If-Match"), "PUT", 0, "overwrites in spite of If-Match"),
        (ignores("If-None-Match"), "POST", 0, "If-None-Match when it joins parts"),
        (answers(412, "PreconditionFailed"), "PUT", 1, "refuses If-Match with the etag"),
        (keeps_nothing, "PUT", 0, "keeps something other than what was sent"),
    ],
)
def test_a_store_that_does_not_keep_writers_apart_is_not_written_to(
    bucket, moto, fault, on, after, reason
):
    bucket.client().put_object(Bucket=bucket.name, Key="models/a", Body=b"one")
    store = S3Store(parse_location(bucket.url), ONCE)
    for write in (
        lambda: store.create("b", b""),
        lambda: store.replace("a", b"two", etag=store.read("a").etag),
    ):
        with (
            moto.failing(fault, on=f"{on} [^?]*probe[^?]*($|.*uploadId=)", after=after),
            pytest.raises(UnsafeStoreError, match=reason),
        ):
            write()
    assert store.read("a").content == b"one"
    assert names(bucket) == ["models/a"], "a key of the probe is left"


def test_a_store_that_knows_no_conditional_writes_says_so_and_is_believed(bucket, moto):
    store = open_store(bucket.url)
    with (
        moto.failing(answers(501, "NotImplemented"), on="PUT .*probe", after=1),
        pytest.raises(UnsafeStoreError, match="501 NotImplemented"),
    ):
        store.create("a", b"")


def test_a_store_is_probed_once_and_only_before_a_write(bucket, moto):
    store = open_store(bucket.url)
    with moto.failing(ignores(), times=0):
        store.list("")
        assert not [request for request in moto.requests if "probe" in request]
        store.create("a", b"")
        first = len([request for request in moto.requests if "probe" in request])
        store.create("b", b"")
        assert len([request for request in moto.requests if "probe" in request]) == first > 0


def test_rclone_is_refused_as_a_registry_and_can_be_read(rclone, monkeypatch):
    bucket = rclone.bucket()
    for name, value in bucket.settings.items():
        monkeypatch.setenv(name, value)
    bucket.client().put_object(Bucket=bucket.name, Key="models/a", Body=b"one")
    store = open_store(bucket.url)
    with pytest.raises(UnsafeStoreError, match="nothing is written to it; reading is possible"):
        store.create("b", b"")
    assert store.list("") == ["a"]
    assert store.read("a").content == b"one"


def test_a_wrong_secret_is_refused_and_not_repeated(rclone, monkeypatch):
    bucket = rclone.bucket()
    for name, value in (bucket.settings | {"AWS_SECRET_ACCESS_KEY": f"{SECRET_KEY}x"}).items():
        monkeypatch.setenv(name, value)
    store = open_store(bucket.url)
    for ask in (lambda: store.read("a"), lambda: store.create("a", b""), lambda: store.list("")):
        with pytest.raises(DeniedError, match="SignatureDoesNotMatch: correct") as refused:
            ask()
        assert SECRET_KEY not in str(refused.value)


# Settings


def test_a_bucket_that_does_not_exist_is_reported_and_is_not_an_empty_registry(bucket):
    store = open_store("s3://no-such-bucket/models")
    for ask in (lambda: store.read("a"), lambda: store.create("a", b""), lambda: store.list("")):
        with pytest.raises(UnreachableError, match="NoSuchBucket: make the bucket, or correct"):
            ask()


def test_no_credentials_are_reported_with_the_remedy(bucket, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    store = open_store(bucket.url)
    for ask in (lambda: store.read("a"), lambda: store.create("a", b""), lambda: store.list("")):
        with pytest.raises(DeniedError, match=r"no credentials .* Set AWS_PROFILE"):
            ask()


@pytest.mark.parametrize(
    ("name", "value", "kind", "reason"),
    [
        ("AWS_PROFILE", "nobody", RegistryError, r"profile \(nobody\) could not be found"),
        ("AWS_ENDPOINT_URL", f"me:{SECRET_KEY}", RegistryError, "AWS_ENDPOINT_URL.* is not a URL"),
        ("AWS_SECRET_ACCESS_KEY", "", DeniedError, "missing: AWS_SECRET_ACCESS_KEY"),
    ],
)
def test_settings_that_make_no_client_are_reported(bucket, monkeypatch, name, value, kind, reason):
    monkeypatch.setenv(name, value)
    with pytest.raises(kind, match=reason) as refused:
        open_store(bucket.url)
    assert SECRET_KEY not in str(refused.value)


def test_amazon_is_asked_by_host_and_others_by_path(bucket, monkeypatch):
    def address():
        client = open_store("s3://my-bucket/a")._requests._client
        return client.generate_presigned_url("get_object", {"Bucket": "my-bucket", "Key": "k"})

    assert address().startswith(f"{bucket.endpoint}/my-bucket/k?")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://storage.example")
    assert address().startswith("https://storage.example/my-bucket/k?")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert address().startswith("https://my-bucket.s3.amazonaws.com/k?")


def test_without_boto3_the_remedy_is_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'lradapt\[s3\]'"):
        open_store("s3://bucket/a")


def test_a_folder_needs_no_boto3(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "boto3", None)
    store = open_store(str(tmp_path))
    store.create("a", b"")
    with pytest.raises(MissingError):
        store.read("b")


@pytest.mark.parametrize("status", [200, 302, 403, 404, 502])
@pytest.mark.parametrize(
    "page", [b"<html><body>Welcome</body></html>", b"<!doctype html><p>Hi<br>"]
)
def test_a_web_page_in_the_place_of_s3_is_one_error_with_the_remedy(
    web_page, monkeypatch, status, page
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", web_page(status, page))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    store = S3Store(parse_location("s3://bucket/models"), ONCE)
    for ask in (
        lambda: store.read("a"),
        lambda: store.list(""),
        lambda: store.create("a", b"one"),
        lambda: store.replace("a", b"one", etag="1"),
    ):
        with pytest.raises((UnreachableError, DeniedError)) as failed:
            ask()
        if status != 302:  # botocore may end the circle with an error of its own
            assert "a web page or a proxy seems to answer instead of S3" in str(failed.value)
        assert "AWS_ENDPOINT_URL" in str(failed.value)


@pytest.fixture
def web_page():
    """A function: the address of a server that answers every request with a page."""
    servers = []

    def serve(status, page):
        class Page(BaseHTTPRequestHandler):
            def answer(self):
                self.rfile.read(int(self.headers.get("content-length") or 0))
                self.send_response(status)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.send_header("content-length", str(len(page)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(page)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_probes_that_killed_processes_left_are_found_and_removed(bucket):
    store = open_store(bucket.url)
    store.create("a", b"one")
    key = f"models/.probe/{'0' * 32}"
    bucket.client().put_object(Bucket=bucket.name, Key=key, Body=b"first")
    assert store.remnants("a/", older_than_seconds=3600) == []
    (found,) = store.remnants("a/", older_than_seconds=-60)
    assert (found.name, found.size) == (f".probe/{'0' * 32}", 5)
    store.delete_remnant(found)
    assert names(bucket) == ["models/a"]
