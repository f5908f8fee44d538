"""The second coder against a fake endpoint on this machine: off by default, one request a text, refused where it must be.

Belongs here: asking, caching and reading. The disagreement table is tested with the policy marts (test_policies.py).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import polars as pl
import pytest

from ingest.home import Home
from ingest.store.landing import ALL, Landing
from ingest.store.raw import RawStore
from sources import all_sources

SOURCES = {source.name: source for source in all_sources()}
CODER = SOURCES["second_coder"]


class FakeEndpoint:
    """An OpenAI-compatible endpoint that answers from a list and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict] = []
        self.answer = '```json\n[{"instrument": "I1_charging_swap", "direction": "support", "quote": "充电"}]\n```'
        self.status, self.location = 200, ""
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                fake.asked.append({"path": self.path, "key": self.headers.get("Authorization"), **body})
                out = json.dumps({"choices": [{"message": {"content": fake.answer}}]}).encode()
                self.send_response(fake.status)
                if fake.location:
                    self.send_header("Location", fake.location)
                self.send_header("Content-Length", str(len(out)))
                self.end_headers()
                self.wfile.write(out)

            def log_message(self, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEndpoint]:
    endpoint = FakeEndpoint()
    monkeypatch.setenv("EVATLAS_CODER_URL", endpoint.url)
    monkeypatch.setenv("EVATLAS_CODER_MODEL", "fake-1")
    monkeypatch.setenv("EVATLAS_CODER_KEY", "secret-of-the-test")
    monkeypatch.setenv("EVATLAS_CODER_MAX", "3")
    yield endpoint
    endpoint.server.shutdown()
    endpoint.server.server_close()


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    """A home with four inbox policies landed as Parquet, without any other source."""
    home = Home(tmp_path)
    path = home.landing / "inbox" / "policies" / "p.parquet"
    path.parent.mkdir(parents=True)
    pl.DataFrame({
        "record_id": ["a", "b", "c", "d"], "title_zh": ["关于充电设施的通知"] * 4,
        "content_zh": ["加快充电桩建设。", "加快换电站建设。", "联系人电话13812345678。推进充电网络。", None],
    }).write_parquet(path)  # fmt: skip
    return Landing(home)


def labels(landing: Landing) -> pl.DataFrame:
    return pl.read_parquet(landing.table_path(CODER, "labels", ALL))


def test_off_by_default_and_no_part_of_a_bundled_refresh(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVATLAS_CODER_URL", raising=False)
    assert CODER.live, "a bundled refresh asks no live source"
    account = landing.land(CODER)
    assert account.outcome == "landed" and account.records_in == 0


def test_each_text_is_asked_once_for_a_prompt_and_a_model(landing: Landing, fake: FakeEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    account = landing.land(CODER)
    assert (account.outcome, account.accepted, len(fake.asked)) == ("landed", 3, 3), account.message
    assert {a["path"] for a in fake.asked} == {"/v1/chat/completions"} and fake.asked[0]["key"] == "Bearer secret-of-the-test"
    assert "I1_charging_swap" in fake.asked[0]["messages"][0]["content"]
    assert not any("13812345678" in json.dumps(a, ensure_ascii=False) for a in fake.asked), "personal data left the machine"
    found = labels(landing)
    assert set(found["model"]) == {"fake-1"} and found["prompt_sha256"].n_unique() == 1
    by_record = dict(found.select("record_key", "evidence_start").iter_rows())
    assert by_record["inbox:a"] == 2 and set(by_record) == {"inbox:a", "inbox:b", "inbox:c"}
    asked = pl.read_parquet(landing.table_path(CODER, "asked", ALL))
    assert asked["prompt"].str.contains("You code Chinese policy documents").all()

    landing.land(CODER)
    assert len(fake.asked) == 3, "an answer that is kept was asked again"
    monkeypatch.setenv("EVATLAS_CODER_MODEL", "fake-2")
    landing.land(CODER)
    assert len(fake.asked) == 6 and set(labels(landing)["model"]) == {"fake-1", "fake-2"}
    kept = b"".join(p.read_bytes() for p in landing.home.root.rglob("*") if p.is_file())
    assert b"secret-of-the-test" not in kept


def test_an_unreadable_answer_is_held_and_a_failure_keeps_what_was_answered(landing: Landing, fake: FakeEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.answer = '[{"instrument": "Z9_magic", "direction": "support", "quote": "x"}]'
    account = landing.land(CODER)
    assert account.quarantined == 3 and account.reasons == {"unknown_instrument": 3}
    monkeypatch.setenv("EVATLAS_CODER_MODEL", "fake-3")
    fake.status = 500
    account = landing.land(CODER)
    assert account.outcome in ("landed", "unchanged") and account.records_in == 3, "the kept answers are gone"


def test_only_the_one_origin_is_reached(landing: Landing, fake: FakeEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    other = FakeEndpoint()
    try:
        fake.status, fake.location = 307, other.url + "/chat/completions"
        account = landing.land(CODER)
        assert account.outcome == "failed" and other.asked == [] and len(fake.asked) == 1
    finally:
        other.server.shutdown()
        other.server.server_close()
    for url in ("http://192.0.2.1/v1", "ftp://example.org/v1", "https://user@example.org/v1"):
        monkeypatch.setenv("EVATLAS_CODER_URL", url)
        account = landing.land(CODER)
        assert account.outcome == "failed" and "EVATLAS_CODER_URL" in account.message, url
    assert not RawStore(landing.home.raw).latest("second_coder", ALL)
