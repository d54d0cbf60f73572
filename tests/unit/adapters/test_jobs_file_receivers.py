"""`receivers:`: how senders prove themselves, and where their messages say what."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.domain.receiver import Receiver
from tests.jobs_files import assert_one, read, with_job

ERP = (
    "{hmac: {header: X-Signature, algorithm: sha512, encoding: base64, prefix: 'v1=', timestamp_header: X-Timestamp, "
    "tolerance: 2m, signed: 'v1:{timestamp}.{body}'}}"
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{}", Receiver("one")),
        ("{auth: path}", Receiver("one", auth="path")),
        ("{auth: standard, id: $.id}", Receiver("one", auth="standard", id="$.id")),
        (
            "{auth: {header: X-Api-Key}, subject: $.sync.model, status: '$.sync[0].status', success: [ok, 10, true]}",
            Receiver(
                "one",
                auth="header",
                header="X-Api-Key",
                subject="$.sync.model",
                status="$.sync[0].status",
                success=("ok", "10", "true"),
            ),
        ),
        ("{auth: {hmac: {header: X-Signature}}}", Receiver("one", auth="hmac", header="X-Signature")),
        (
            f"{{auth: {ERP}}}",
            Receiver(
                "one",
                auth="hmac",
                header="X-Signature",
                algorithm="sha512",
                encoding="base64",
                prefix="v1=",
                timestamp_header="X-Timestamp",
                tolerance=120.0,
                signed="v1:{timestamp}.{body}",
            ),
        ),
    ],
)
def test_a_receiver(tmp_path: Path, written: str, expected: Receiver) -> None:
    assert read(tmp_path, with_job("", f"receivers: {{one: {written}}}\n")).receivers == (expected,)


H = "auth: {hmac: {header: X-S"
WRONG = [
    ("auth: none", "auth", "must be path, standard, {header: <name>} or {hmac: {header: <name>, …}}, not 'none'"),
    ("auth: {}", "auth", "must be path, standard, {header: <name>}"),
    ("auth: {header: X-A, hmac: {header: X-B}}", "auth", "must be path, standard"),
    ("auth: {heder: X-A}", "auth.heder", "Did you mean header?"),
    ("auth: {header: 'X A'}", "auth.header", "must be the name of a header"),
    ("auth: {header: 'X-A:'}", "auth.header", "must be the name of a header"),
    ("auth: [path]", "auth", "must be path, standard"),
    ("auth: {word: path}", "auth.word", "unknown key"),
    ("auth: {hmac: {}}", "auth.hmac.header", "is missing"),
    ("auth: {hmac: X-S}", "auth.hmac", "must be a mapping"),
    (H + ", algorithm: md5}}", "auth.hmac.algorithm", "must be 'sha256', 'sha1' or 'sha512', not 'md5'"),
    (H + ", algorithm: SHA256}}", "auth.hmac.algorithm", "Did you mean sha256?"),
    (H + ", encoding: base63}}", "auth.hmac.encoding", "Did you mean base64?"),
    (H + ", prefix: 5}}", "auth.hmac.prefix", "must be a text"),
    (H + ", signed: '{timestamp}.'}}", "auth.hmac.signed", "must contain {body}"),
    (H + ", signed: '{id}.{body}'}}", "auth.hmac.signed", "cannot contain {id}"),
    (H + ", signed: '{timestamp}.{body}'}}", "auth.hmac.signed", "timestamp_header must say where it stands"),
    (H + ", timestamp_header: X-T}}", "auth.hmac.timestamp_header", "is not signed, so anybody could change it"),
    (H + ", tolerance: 5m}}", "auth.hmac.tolerance", "goes with timestamp_header"),
    (H + ", tolerance: long, timestamp_header: X-T, signed: '{timestamp}{body}'}}", "auth.hmac.tolerance",
     "a length of time"),
    (H + ", secret: hunter2}}", "auth.hmac.secret", "unknown key. Known here: header, algorithm"),
    ("id: sync.id", "id", "must be a JSONPath from the body's root, as in $.sync.id, not 'sync.id'"),
    ("id: '$.sync['", "id", "is not a JSONPath"),
    ("id: '$.a[?(@.b==1)]'", "id", "is not a JSONPath"),
    ("subject: 5", "subject", "must be a text"),
    ("status: '$..['", "status", "is not a JSONPath"),
    ("success: [ok]", "success", "say with status where that stands in the body"),
    ("status: $.s, success: []", "success", "at least one entry"),
    ("status: $.s, success: ok", "success", "must be a list"),
    ("status: $.s, success: [ok, ok]", "success", "'ok' is written twice"),
    ("status: $.s, success: [1.5]", "success[0]", "must be a text, not a number (1.5)"),
    ("topic: $.s", "topic", "unknown key. Known here: auth, id, subject, status, success"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "path", "words"), WRONG, ids=[case[0] for case in WRONG])
def test_what_cannot_be_said_of_a_receiver(tmp_path: Path, written: str, path: str, words: str) -> None:
    text = with_job("", f"receivers:\n  one: {{{written}}} #!\n")
    assert_one(tmp_path, text, f"receivers.one.{path}", words)


def test_a_receiver_has_a_name_that_fits_an_address(tmp_path: Path) -> None:
    assert_one(
        tmp_path, with_job("", "receivers:\n  a/b: {} #!\n"), "receivers.a/b", "must be 1 to 48 letters"
    )
