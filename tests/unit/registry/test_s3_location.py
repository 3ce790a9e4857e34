import pytest

from lradapt.registry import open_record, open_store
from lradapt.registry.s3_location import S3Location, parse_location, shown
from lradapt.registry.store import RegistryError

SECRET = "wJalrXUtnFEMI"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://bucket", S3Location("bucket", "")),
        ("s3://bucket/", S3Location("bucket", "")),
        ("s3://my.bucket-1/a/b/", S3Location("my.bucket-1", "a/b")),
        ("s3://bucket/a?sse=AES256", S3Location("bucket", "a", {"sse": "AES256"})),
        (
            "s3://bucket/a?sse=aws:kms&kms_key=arn:aws:kms:eu-west-1:1:key/2",
            S3Location(
                "bucket", "a", {"sse": "aws:kms", "kms_key": "arn:aws:kms:eu-west-1:1:key/2"}
            ),
        ),
    ],
)
def test_a_url_names_bucket_prefix_and_encryption(url, place):
    assert parse_location(url) == place
    assert parse_location(place.url) == place


def test_a_key_has_a_name_below_the_prefix_and_back():
    for place in (S3Location("bucket", ""), S3Location("bucket", "a/b")):
        assert place.key(place.name("moles/log/1.json")) == "moles/log/1.json"
    assert S3Location("bucket", "a/b").name("c") == "a/b/c"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("s3://", "no bucket has the name ''"),
        ("s3:///a", "no bucket has the name ''"),
        ("s3://ab", "no bucket has the name 'ab'"),
        ("s3://Bucket/a", "no bucket has the name 'Bucket'"),
        ("s3://bucket:99/a", "no bucket has the name 'bucket:99'"),
        ("s3://bucket/a//b", "an empty part"),
        ("s3://bucket/../b", "begins with '.'"),
        ("s3://bucket/a#b", "'#' has no meaning"),
        ("s3://bucket/a?ssl=1", "unknown setting 'ssl': expected sse or kms_key"),
        ("s3://bucket/a?sse=rot13", "sse is none of AES256, aws:kms, aws:kms:dsse"),
        ("s3://bucket/a?kms_key=1", "kms_key needs sse=aws:kms"),
        ("s3://bucket/a?sse=AES256&kms_key=1", "kms_key needs sse=aws:kms"),
        (
            "ftp://host/a",
            "the URL 'ftp://host/a': unknown scheme 'ftp'; expected the path of a folder, or",
        ),
        ("S4://host/a", "unknown scheme"),
        ("s3://[bucket/a", "not a URL"),
    ],
)
def test_a_url_that_names_no_place_is_refused_with_the_reason(url, reason):
    with pytest.raises(RegistryError) as refused:
        open_store(url)
    assert reason in str(refused.value)
    with pytest.raises(RegistryError) as same:
        open_record(url)
    assert str(same.value) == str(refused.value)
    assert "registry" not in str(refused.value), "it may be a record"


def test_all_faults_of_a_url_are_reported_at_once():
    with pytest.raises(RegistryError) as refused:
        parse_location("s3://B/.a?ssl=1&sse=x")
    assert str(refused.value).count(";") == 3


@pytest.mark.parametrize(
    "url",
    [
        f"s3://key:{SECRET}@bucket/a",
        f"s3://key:{SECRET}?#@bucket/a",
        f"s3://bucket/a?secret_key={SECRET}",
        f"s3://bucket/a?sse={SECRET}",
        f"s3://bucket/a?X-Amz-Signature={SECRET}#{SECRET}",
        f"ftp://me:{SECRET}@host/a",
        f"https://bucket.s3.amazonaws.com/a?X-Amz-Signature={SECRET}",
        f"s3://key:{SECRET}@[bucket/a",
    ],
)
def test_a_secret_in_a_url_is_refused_and_not_repeated(url):
    with pytest.raises(RegistryError) as refused:
        open_store(url)
    assert SECRET not in str(refused.value)
    assert SECRET not in shown(url)


def test_a_password_in_a_url_is_reported_where_it_belongs():
    with pytest.raises(RegistryError, match="use AWS_PROFILE"):
        open_store(f"s3://key:{SECRET}@bucket/a")
