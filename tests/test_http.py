"""The polite fetcher against a local fault server: every `media: http` case of the hostile set, and the
promises that no case covers (addresses, IDNA, gaps over threads, circuit, challenges, charsets, secrets)."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import logging
import resource
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.declaration import FetchContext, Health, Parsed, RejectFile, Source, Table
from ingest.home import Home
from ingest.store.landing import Landing
from ingest.web import addresses, scrubbing
from ingest.web import fetcher as fetcher_module
from ingest.web.addresses import forbidden_address, redact
from ingest.web.bodies import challenge, decode_text, read_json, require_whole
from ingest.web.errors import FetchError, Limits
from ingest.web.fetcher import Fetcher
from tests.conftest import DATA, REPO
from tests.replicas.faults import PAGE, Asked, FaultServer, drip, gzip_bomb, reset, send, serve

HOST = "zc.example.cn"
URL = f"https://{HOST}/zc/1.html"
COVERED: dict[str, Callable[..., None]] = {}


def case(identifier: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Marks the test of one case of the hostile set."""

    def mark(function: Callable[..., None]) -> Callable[..., None]:
        COVERED[identifier] = function
        return function

    return mark


def fetcher(server: FaultServer, **options: object) -> Fetcher:
    options = {"min_gap": 0.0, "backoff": 0.01, "limits": Limits(deadline=5), **options}
    return Fetcher([HOST], name="test", origins={HOST: f"127.0.0.1:{server.port}"}, **options)  # type: ignore[arg-type]


def reason(call: Callable[[], object]) -> str:
    with pytest.raises(FetchError) as caught:
        call()
    assert caught.value.health in Health
    return caught.value.reason


def ok(sock: socket.socket, asked: Asked, n: int) -> None:
    send(sock)


def redirect(location: str, status: int = 302) -> Callable[[socket.socket, Asked, int], None]:
    return lambda sock, asked, n: send(sock, b"", status, f"Location: {location}")


def test_every_http_case_of_the_hostile_set_has_its_test() -> None:
    with open(DATA / "hostile" / "cases.jsonl", encoding="utf-8") as handle:
        wanted = {c["id"] for c in map(json.loads, handle) if c.get("media") == "http"}
    assert len(wanted) >= 32
    assert wanted - set(COVERED) == set()


# -- where it may go ----------------------------------------
@case("A-108-redirect_offhost")
def test_redirect_off_the_list() -> None:
    with serve(FaultServer(ok, address="127.0.0.2")) as other:
        with serve(FaultServer(redirect(f"http://127.0.0.2:{other.port}/secret"))) as server:
            assert reason(lambda: fetcher(server).get(URL)) == "host_not_allowed"
        assert not other.log and not other.robots_log


@case("A-109-redirect_scheme")
def test_redirect_to_a_file() -> None:
    with serve(FaultServer(redirect("file:///etc/passwd", 301))) as server:
        assert reason(lambda: fetcher(server).get(URL)) == "scheme_not_allowed"


@case("A-110-redirect_loop")
def test_redirect_loop() -> None:
    with serve(FaultServer(redirect(URL))) as server:
        assert reason(lambda: fetcher(server).get(URL)) == "too_many_redirects"
        assert len(server.log) <= 6


@case("A-111-redirect_to_private")
def test_redirect_to_cloud_metadata() -> None:
    with serve(FaultServer(redirect("http://169.254.169.254/", 307))) as server:
        assert reason(lambda: fetcher(server).get(URL)) == "private_address"


@case("A-112-dns_rebind")
def test_dns_rebinding(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host is looked up once a request, and the connection goes to the address that was judged."""
    answers = iter(["93.184.216.34", "127.0.0.1"])
    reached: list[str] = []

    def connect(address: tuple[str, int], *args: object, **kwargs: object) -> socket.socket:
        reached.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    web = Fetcher(
        [HOST], resolver=lambda host, port: [next(answers)], limits=Limits(attempts=1), robots=False
    )
    assert reason(lambda: web.get(URL)) == "network"
    assert reached == ["93.184.216.34"]
    assert reason(lambda: web.get(URL)) == "private_address"
    assert reached == ["93.184.216.34"]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
     "64:ff9b::7f00:1", "2002:7f00:1::", "198.18.0.1", "fec0::1"],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert forbidden_address(address)
    web = Fetcher([HOST], resolver=lambda host, port: ["93.184.216.34", address], robots=False)
    assert reason(lambda: web.get(URL)) == "private_address"


def test_public_addresses_pass() -> None:
    assert not any(forbidden_address(a) for a in ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:geheim@zc.example.cn/", "userinfo"),
        ("https://zc.example.cn@evil.example/", "userinfo"),
        ("ftp://zc.example.cn/", "scheme_not_allowed"),
        ("http://zc.example.cn/", "scheme_not_allowed"),
        ("gopher://zc.example.cn/", "scheme_not_allowed"),
        ("https://zc.example.cn:8443/", "host_not_allowed"),
        ("https://zc.example.cn.evil.example/", "host_not_allowed"),
        ("https://evil.example/zc.example.cn", "host_not_allowed"),
        ("https://2130706433/", "host_not_allowed"),
        ("https://[::ffff:127.0.0.1]/", "private_address"),
        ("https://10.0.0.8/", "private_address"),
        ("https://zc.example.cn:99999/", "host_not_allowed"),
        ("https:///x", "host_not_allowed"),
        ("//zc.example.cn/", "scheme_not_allowed"),
    ],
)
def test_urls_that_are_refused_before_any_connection(url: str, expected: str) -> None:
    def never(host: str, port: int) -> list[str]:
        raise AssertionError("looked up")

    web = Fetcher([HOST], resolver=never)
    with pytest.raises(FetchError) as caught:
        web.get(url)
    assert caught.value.reason == expected
    assert "geheim" not in str(caught.value)


def test_international_names_are_compared_in_one_form() -> None:
    web = Fetcher(
        ["政策.example.cn", "http://plain.example.cn"], resolver=lambda host, port: ["93.184.216.34"]
    )
    for url in ("https://政策.example.cn/", "https://xn--5bvr50c.example.cn/", "https://政策.EXAMPLE.cn./"):
        assert web.check(url).host == "xn--5bvr50c.example.cn"
    assert web.check("http://plain.example.cn/").scheme == "http"
    assert web.check("https://plain.example.cn/").scheme == "https"


def test_origins_are_loopback_only() -> None:
    with pytest.raises(ValueError, match="not host=127"):
        addresses.origins_of("zc.example.cn=10.0.0.1:80")
    with serve(FaultServer(ok)) as server:
        web = fetcher(server)
        web.allowed["www.other.cn"] = {("https", 443)}
        assert reason(lambda: web.get("https://www.other.cn/")) == "host_not_allowed"


def test_environment_proxies_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with serve(FaultServer(ok)) as server:
        assert fetcher(server).get(URL).body == PAGE


def test_redirects_inside_the_list_are_followed_and_records_keep_the_real_url() -> None:
    def script(sock: socket.socket, asked: Asked, n: int) -> None:
        if asked.path == "/zc/1.html":
            send(sock, b"", 301, "Location: /zc/2.html")
        else:
            send(sock)

    with serve(FaultServer(script)) as server:
        page = fetcher(server).get(URL, key="k")
        assert (page.url, page.key, page.body, page.status) == (URL, "k", PAGE, 200)
        assert [a.header("host") for a in server.log] == [HOST, HOST]


# -- sizes and time ----------------------------------------
@case("A-113-gzip_bomb")
def test_gzip_bomb() -> None:
    bomb = gzip_bomb(200_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with serve(FaultServer(lambda s, a, n: send(s, bomb, 200, "Content-Encoding: gzip"))) as server:
        assert reason(lambda: fetcher(server).get(URL)) == "too_large"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64_000  # kilobytes


@case("A-114-double_gzip")
def test_double_gzip() -> None:
    bomb = gzip_bomb(10_000_000)
    with serve(FaultServer(lambda s, a, n: send(s, bomb, 200, "Content-Encoding: gzip, gzip"))) as server:
        assert reason(lambda: fetcher(server).get(URL)) == "encoding"


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress"])
def test_encodings_that_were_not_offered(encoding: str) -> None:
    with serve(FaultServer(lambda s, a, n: send(s, PAGE, 200, f"Content-Encoding: {encoding}"))) as server:
        assert reason(lambda: fetcher(server).get(URL)) == "encoding"


@case("A-115-endless_body")
def test_endless_body() -> None:
    sent = [0]

    def script(sock: socket.socket, asked: Asked, n: int) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        while True:
            sent[0] += sock.send(b"x" * 65536)

    with serve(FaultServer(script)) as server:
        assert reason(lambda: fetcher(server, limits=Limits(deadline=30)).get(URL)) == "too_large"
    assert sent[0] < 30_000_000


def test_an_announced_size_beyond_the_cap_is_not_read() -> None:
    def script(sock: socket.socket, asked: Asked, n: int) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 90000000\r\n\r\n")

    with serve(FaultServer(script)) as server:
        assert reason(lambda: fetcher(server).get(URL)) == "too_large"


@case("A-116-slow_drip")
def test_slow_drip() -> None:
    def script(sock: socket.socket, asked: Asked, n: int) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        drip(sock, b"x" * 100000, 20)

    with serve(FaultServer(script)) as server:
        started = time.monotonic()
        assert reason(lambda: fetcher(server, limits=Limits(deadline=1)).get(URL)) == "deadline"
        assert time.monotonic() - started < 3


def test_slow_drip_without_a_length() -> None:
    """Shutting the socket down makes such a body look whole: the deadline must still be the verdict."""

    def script(sock: socket.socket, asked: Asked, n: int) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        drip(sock, PAGE * 100, 20)

    with serve(FaultServer(script)) as server:
        assert reason(lambda: fetcher(server, limits=Limits(deadline=1)).get(URL)) == "deadline"


@case("A-117-slow_headers")
def test_slow_headers() -> None:
    with serve(FaultServer(lambda s, a, n: drip(s, b"HTTP/1.1 200 OK\r\nX: " + b"y" * 500, 20))) as server:
        started = time.monotonic()
        assert reason(lambda: fetcher(server, limits=Limits(deadline=1)).get(URL)) == "deadline"
        assert time.monotonic() - started < 3


# -- whole or not ----------------------------------------
@case("A-118-short_body")
def test_short_body() -> None:
    def script(sock: socket.socket, asked: Asked, n: int) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 400)

    with serve(FaultServer(script)) as server:
        assert reason(lambda: fetcher(server).get(URL)) == "truncated"
        assert len(server.log) == 4


@case("A-119-close_no_length")
def test_half_a_page_without_a_length() -> None:
    with serve(FaultServer(lambda s, a, n: send(s, PAGE[: len(PAGE) // 2], length=False))) as server:
        with pytest.raises(RejectFile) as caught:
            fetcher(server).get(URL, expect="html")
        assert caught.value.reason == "truncated_html"
    with serve(FaultServer(lambda s, a, n: send(s, b'{"a": [1, 2', length=False))) as server:
        with pytest.raises(RejectFile) as caught:
            fetcher(server).get(URL, expect="json")
        assert caught.value.reason == "truncated_json"
    with serve(FaultServer(lambda s, a, n: send(s, PAGE, length=False))) as server:
        assert fetcher(server).get(URL, expect="html").body == PAGE


@case("A-120-chunk_cut")
def test_chunked_body_cut_off() -> None:
    def script(sock: socket.socket, asked: Asked, n: int) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")

    with serve(FaultServer(script)) as server:
        assert reason(lambda: fetcher(server).get(URL)) == "truncated"


def test_gzip_cut_off_is_truncated() -> None:
    import gzip

    whole = gzip.compress(PAGE * 50)
    with serve(FaultServer(lambda s, a, n: send(s, whole[:-20], 200, "Content-Encoding: gzip"))) as server:
        assert reason(lambda: fetcher(server).get(URL)) == "truncated"
    with serve(FaultServer(lambda s, a, n: send(s, whole + whole, 200, "Content-Encoding: gzip"))) as server:
        assert fetcher(server).get(URL).body == PAGE * 100


@case("A-121-header_flood")
def test_header_flood() -> None:
    lines = [f"X-{i}: y" for i in range(300)]
    with serve(FaultServer(lambda s, a, n: send(s, PAGE, 200, *lines))) as server:
        assert reason(lambda: fetcher(server).get(URL)) == "protocol"


@case("A-122-rst_mid_body")
def test_reset_in_the_middle() -> None:
    def script(sock: socket.socket, asked: Asked, n: int) -> None:
        if n == 1:
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 500)
            time.sleep(0.1)
            reset(sock)
        else:
            send(sock)

    with serve(FaultServer(script)) as server:
        assert fetcher(server).get(URL).body == PAGE
        assert len(server.log) == 2


# -- states of a server ----------------------------------------
@case("A-123-503_then_ok")
def test_503_twice_then_ok() -> None:
    with serve(FaultServer(lambda s, a, n: send(s, PAGE, 503 if n < 3 else 200))) as server:
        assert fetcher(server).get(URL).body == PAGE
        assert len(server.log) == 3


@case("A-124-429_retry_after")
def test_retry_after_is_honoured() -> None:
    def script(sock: socket.socket, asked: Asked, n: int) -> None:
        send(sock, PAGE, 429 if n == 1 else 200, *(["Retry-After: 2"] if n == 1 else []))

    with serve(FaultServer(script)) as server:
        assert fetcher(server).get(URL).body == PAGE
        assert server.log[1].at - server.log[0].at >= 2.0


def test_a_long_retry_after_is_a_state_not_a_pause() -> None:
    with serve(FaultServer(lambda s, a, n: send(s, b"", 429, "Retry-After: 86400"))) as server:
        web = fetcher(server)
        with pytest.raises(FetchError) as caught:
            web.get(URL)
        assert caught.value.health == Health.rate_limited
        assert reason(lambda: web.get(URL)) == "circuit_open"
        assert len(server.log) == 1


@case("A-125-503_forever")
def test_503_for_ever_opens_the_circuit(tmp_path: Path) -> None:
    """The circuit opens for that host alone; another source goes on, and the last good landing stands."""
    answer = [200]
    with (
        serve(FaultServer(lambda s, a, n: send(s, b'{"v": 1}', answer[0]))) as server,
        serve(FaultServer(lambda s, a, n: send(s, b'{"v": 1}'))) as other,
    ):
        source = tiny_source()
        landing = Landing(Home(tmp_path), web=fetcher(server, limits=Limits(deadline=5, attempts=2)))
        assert landing.land(source).outcome == "landed"
        kept = landing.table_path(source, "t", "all").read_bytes()
        answer[0] = 503
        accounts = [landing.land(source) for _ in range(4)]
        assert {a.outcome for a in accounts} == {"failed"} and {a.health for a in accounts} == {"unreachable"}
        assert "gave_up" in accounts[0].message and "circuit_open" in accounts[3].message
        asked = len(server.log)
        landing.land(source)
        assert len(server.log) == asked  # left alone
        assert landing.table_path(source, "t", "all").read_bytes() == kept
        assert Landing(Home(tmp_path / "b"), web=fetcher(other)).land(source).outcome == "landed"


@case("A-126-403")
def test_403_is_asked_once() -> None:
    with serve(FaultServer(lambda s, a, n: send(s, b"no", 403))) as server:
        assert reason(lambda: fetcher(server).get(URL)) == "forbidden"
        assert len(server.log) == 1


def test_404_and_410_are_gone() -> None:
    for status in (404, 410):
        with serve(FaultServer(lambda s, a, n, status=status: send(s, b"no", status))) as server:
            with pytest.raises(FetchError) as caught:
                fetcher(server).get(URL)
            assert caught.value.health == Health.gone and len(server.log) == 1


def tiny_source() -> Source:
    import polars as pl

    def fetch(context: FetchContext, partition: str):  # type: ignore[no-untyped-def]
        yield context.web.get(URL, context=context, key="page")

    def parse(pages, context):  # type: ignore[no-untyped-def]
        value = [json.loads(page.body)["v"] for page in pages]
        return Parsed({"t": pl.DataFrame({"v": value}, schema={"v": pl.Int64})}, len(value), len(value))

    return Source(
        name="tiny", title="t", publisher="p", homepage="", licence="l", cadence="",
        tables=(Table("t", {"v": pl.Int64}, ("v",)),), fetch=fetch, parse=parse, live=True, hosts=(HOST,),
    )  # fmt: skip


@case("A-127-304")
def test_not_modified_makes_no_snapshot(tmp_path: Path) -> None:
    def script(sock: socket.socket, asked: Asked, n: int) -> None:
        if asked.header("if-none-match") == '"e1"':
            send(sock, b"", 304, 'ETag: "e1"')
        else:
            send(sock, b'{"v": 1}', 200, 'ETag: "e1"')

    with serve(FaultServer(script)) as server:
        landing = Landing(Home(tmp_path), web=fetcher(server))
        source = tiny_source()
        assert landing.land(source).outcome == "landed"
        again = landing.land(source)
        assert (again.outcome, again.health) == ("unchanged", "ok")
        assert len(list(landing.store.entries("tiny"))) == 1 and len(server.log) == 2
        # the validators live on: a third look is conditional, too
        landing.land(source)
        assert server.log[-1].header("if-none-match") == '"e1"'


@case("A-128-304_unexpected")
def test_unexpected_304() -> None:
    with serve(FaultServer(lambda s, a, n: send(s, b"", 304))) as server:
        assert reason(lambda: fetcher(server).get(URL)) == "protocol"


# -- robots.txt ----------------------------------------
@case("A-129-robots_disallow")
def test_robots_disallow() -> None:
    rules = lambda s, a, n: send(s, b"User-agent: *\nDisallow: /zc/")  # noqa: E731
    with serve(FaultServer(ok, robots=rules)) as server:
        web = fetcher(server)
        assert reason(lambda: web.get(URL)) == "robots"
        assert not server.log
        assert web.get(f"https://{HOST}/other.html").body == PAGE
        assert web.get(URL, robots_exempt="a documented API").body == PAGE
        assert len(server.robots_log) == 1


@case("A-130-robots_5xx")
def test_robots_unreachable() -> None:
    with serve(FaultServer(ok, robots=lambda s, a, n: send(s, b"", 503))) as server:
        assert reason(lambda: fetcher(server).get(URL)) == "robots_unreachable"
        assert not server.log


@case("A-131-robots_404")
def test_robots_absent() -> None:
    for status in (404, 403, 401):
        with serve(FaultServer(ok, robots=lambda s, a, n, status=status: send(s, b"", status))) as server:
            assert fetcher(server).get(URL).body == PAGE


@case("A-132-robots_html")
def test_robots_that_is_a_page() -> None:
    page = b"<html>200 soft 404</html>"
    with serve(FaultServer(ok, robots=lambda s, a, n: send(s, page))) as server:
        assert fetcher(server).get(URL).body == PAGE


@case("A-133-crawl_delay")
def test_crawl_delay() -> None:
    rules = lambda s, a, n: send(s, b"User-agent: *\nCrawl-delay: 2")  # noqa: E731
    with serve(FaultServer(ok, robots=rules)) as server:
        web = fetcher(server)
        web.get(URL)
        web.get(URL)
        assert server.log[1].at - server.log[0].at >= 2.0


@case("A-134-robots_huge")
def test_robots_huge() -> None:
    def huge(sock: socket.socket, asked: Asked, n: int) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(1000):
            sock.sendall(b"# filler\n" * 6000)

    with serve(FaultServer(ok, robots=huge)) as server:
        assert reason(lambda: fetcher(server).get(URL)) == "robots_too_large"
        assert not server.log


# -- what is kept ----------------------------------------
@case("A-135-same_url_changed")
def test_changed_body_makes_a_second_snapshot(tmp_path: Path) -> None:
    with serve(FaultServer(lambda s, a, n: send(s, b'{"v": %d}' % n))) as server:
        landing = Landing(Home(tmp_path), web=fetcher(server))
        source = tiny_source()
        landing.land(source)
        landing.land(source)
        entries = list(landing.store.entries("tiny"))
        assert [json.loads(next(landing.store.pages(e)).body)["v"] for e in entries] == [1, 2]


@case("A-136-content_type_lie")
def test_content_type_lie() -> None:
    with serve(FaultServer(lambda s, a, n: send(s, b"%PDF-1.7 x", 200, "Content-Type: text/csv"))) as server:
        with pytest.raises(RejectFile) as caught:
            fetcher(server).get(URL, expect="csv")
        assert caught.value.reason == "wrong_type"


@case("A-137-filename_header")
def test_file_name_is_only_text(tmp_path: Path) -> None:
    line = 'Content-Disposition: attachment; filename="../../x.sh"'
    with serve(FaultServer(lambda s, a, n: send(s, b'{"v": 1}', 200, line))) as server:
        landing = Landing(Home(tmp_path / "home"), web=fetcher(server))
        assert landing.land(tiny_source()).outcome == "landed"
    assert not list(tmp_path.rglob("*.sh")) and not list(tmp_path.parent.rglob("x.sh"))
    entry = next(iter(landing.store.entries("tiny")))
    assert "../../x.sh" in entry["pages"][0]["headers"]["content-disposition"]


@case("A-138-set_cookie_leak")
def test_secrets_are_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A key in the address, a session cookie and a password: in no log, record, page or error."""
    caplog.set_level(logging.DEBUG)
    secret = "s3cr3tCanary"

    def script(sock: socket.socket, asked: Asked, n: int) -> None:
        send(sock, b'{"v": 1}', 200 if "fail" not in asked.path else 500, f"Set-Cookie: sid={secret}; path=/")

    with serve(FaultServer(script)) as server:
        web = fetcher(server)
        page = web.get(
            f"https://{HOST}/api?appKey={secret}&page=1", headers={"Authorization": f"Bearer {secret}"}
        )
        assert page.url == f"https://{HOST}/api?appKey=***&page=1"
        assert secret in server.log[0].path and secret in server.log[0].header("authorization")
        web.get(f"https://{HOST}/api?page=2")
        assert secret in server.log[1].header("cookie")  # a session holds, in memory alone
        landing = Landing(Home(tmp_path), web=web)
        landing.store.record("tiny", "all", [page], "ok")
        with pytest.raises(FetchError) as caught:
            web.get(f"https://{HOST}/fail?token={secret}")
        assert secret not in str(caught.value) + repr(caught.value) + repr(caught.value.__context__)
        import traceback

        assert secret not in "".join(traceback.format_exception(caught.value))
        with pytest.raises(FetchError) as caught:
            web.get(f"https://user:{secret}@{HOST}/")
        assert secret not in "".join(traceback.format_exception(caught.value))
    assert secret not in caplog.text
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes()


@case("A-139-tls_bad")
def test_self_signed_tls(tmp_path: Path) -> None:
    """Refused as it is; taken when its authority is trusted and the name is that of the host; refused under
    another name."""
    good = certificate(tmp_path, HOST)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(good)
    with serve(FaultServer(ok), context) as server:
        origin = f"https://127.0.0.1:{server.port}"
        options = {
            "origins": {HOST: origin, "b.example.cn": origin},
            "min_gap": 0.0,
            "limits": Limits(attempts=1),
        }
        assert reason(lambda: Fetcher([HOST], **options).get(URL)) == "tls"  # type: ignore[arg-type]
        assert not server.log
        trusting = Fetcher([HOST, "b.example.cn"], ca_file=str(good), **options)  # type: ignore[arg-type]
        assert trusting.get(URL).body == PAGE
        assert reason(lambda: trusting.get("https://b.example.cn/")) == "tls"


def test_nowhere_is_verification_turned_off() -> None:
    for path in [*(REPO / "ingest").rglob("*.py"), *(REPO / "sources").rglob("*.py")]:
        text = path.read_text("utf-8")
        assert "verify=" + "False" not in text and "CERT_" + "NONE" not in text, path


def certificate(folder: Path, host: str) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    start = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{host}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


# -- politeness ----------------------------------------
def test_one_connection_and_a_gap_over_threads_and_fetchers(tmp_path: Path) -> None:
    def slow(sock: socket.socket, asked: Asked, n: int) -> None:
        time.sleep(0.05)
        send(sock)

    with serve(FaultServer(slow)) as server:
        webs = [fetcher(server, min_gap=0.2, lock_folder=tmp_path) for _ in range(3)]
        threads = [threading.Thread(target=lambda w=web: [w.get(URL) for _ in range(2)]) for web in webs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        times = [a.at for a in server.log]
        assert len(times) == 6 and server.open_most == 1
        assert min(b - a for a, b in itertools.pairwise(times)) >= 0.2


def test_the_gap_is_a_second_where_nothing_is_said() -> None:
    with serve(FaultServer(ok)) as server:
        web = fetcher(server, min_gap=None)
        web.get(URL)
        web.get(URL)
        assert server.log[1].at - server.log[0].at >= 1.0


def test_user_agent_is_honest() -> None:
    with serve(FaultServer(ok)) as server:
        fetcher(server).get(URL)
        assert server.log[0].header("user-agent").startswith("evatlas/")
        assert server.log[0].header("accept-encoding") == "gzip, deflate"


# -- challenges ----------------------------------------
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (412, b"<html><script>$_ts=window</script></html>"),
        (521, b"<script>document.cookie='__jsluid_s=1'</script>"),
        (200, "<html><body>访问行为验证 请拖动滑块完成验证</body></html>".encode()),
        (200, "<html><body>请输入验证码</body></html>".encode("gb18030")),
        (200, b"<html><script>var arg1='x';function setCookie(){'acw_sc__v2'}</script></html>"),
        (403, b"<html><title>Just a moment...</title><script>window._cf_chl_opt={}</script></html>"),
        (503, b"<html><script>cf-chl</script>Checking</html>"),
    ],
)
def test_a_challenge_is_never_solved_nor_repeated(status: int, body: bytes) -> None:
    with serve(FaultServer(lambda s, a, n: send(s, body, status))) as server:
        web = fetcher(server)
        for _ in range(3):
            with pytest.raises(FetchError) as caught:
                web.get(URL, expect="html")
            assert caught.value.health == Health.challenged
        assert len(server.log) == 1


def test_a_policy_about_sliders_is_no_challenge() -> None:
    text = (
        "<html><body>"
        + "新能源汽车推广应用财政补贴政策，滑块门结构与验证码技术规范。" * 60
        + "</body></html>"
    )
    assert challenge(200, {}, text.encode()) == ""
    assert challenge(200, {}, b'{"cpList": []}') == ""


# -- charsets and structure ----------------------------------------
@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ("新能源".encode(), "utf-8"),
        ("\ufeff新能源".encode(), "utf-8-sig"),
        ("新能源".encode("utf-16"), "utf-16"),
        ("新能源𠮷".encode("gb18030"), "gb18030"),
        (b"<meta charset=big5>" + "電動車".encode("big5"), "big5"),
        (
            b'<meta http-equiv=Content-Type content="text/html; charset=gb2312">' + "镕".encode("gb18030"),
            "gb18030",
        ),
        (b"<meta charset=gb2312>" + "新能源".encode(), "utf-8"),
    ],
)
def test_charset(body: bytes, charset: str) -> None:
    text, found = decode_text(body)
    assert found == charset and "\ufffd" not in text and text[-1] in "源𠮷車镕"


def test_damaged_text_is_held_back() -> None:
    for body in ("50(\ufffd\ufffdԪ)".encode(), b"<meta charset=gb2312>\x81\xff\xff\xff"):
        with pytest.raises(RejectFile) as caught:
            decode_text(body)
        assert caught.value.reason == "encoding"


def test_json_that_lies() -> None:
    for body, expected in [
        (b"[" * 200_000, "too_deep"), (b'{"a": 1, "a": 2}', "duplicate_json_key"), (b'{"a": NaN}', "json"),
        (b'{"a": 1,}', "json"),
    ]:  # fmt: skip
        with pytest.raises(RejectFile) as caught:
            read_json(body)
        assert caught.value.reason == expected
    assert read_json(b'\xef\xbb\xbf{"a": "[[[["}') == {"a": "[[[["}


def test_end_marker() -> None:
    require_whole(b"<html></html>\n<!-- served by 3 -->", "html")
    with pytest.raises(RejectFile):
        require_whole(b"<html><body>half", "html")


# -- personal data at the door ----------------------------------------
def test_persons_never_reach_the_raw_store() -> None:
    body = {
        "result": [{"FULL_NAME": "某某股份有限公司", "LEGAL_REPRESENTATIVE": "王小明", "E_MAIL_ADDRESS": "a@b.cn",
                    "REPR_PHONE": "13800138000", "note": "联系电话 13912345678", "id": 13012345678}]
    }  # fmt: skip
    raw = json.dumps(body, ensure_ascii=False).encode()
    with serve(FaultServer(lambda s, a, n: send(s, raw, 200, "Content-Type: application/json"))) as server:
        page = fetcher(server).get(URL, expect="json")
    for canary in ("王小明", "a@b.cn", "13800138000", "13912345678"):
        assert canary not in page.body.decode()
    assert json.loads(page.body)["result"][0]["id"] == 13012345678  # a number that is no telephone stays
    assert page.original_sha256 != page.sha256
    import hashlib

    assert page.original_sha256 == hashlib.sha256(raw).hexdigest()


def test_redact_urls() -> None:
    assert redact("https://u:p@h.cn/a?x=1&access_token=z#f") == "https://h.cn/a?x=1&access_token=***"
    assert redact("https://h.cn/a?page[size]=2") == "https://h.cn/a?page[size]=2"


def test_without_a_network_the_reason_is_clear(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def dead(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", dead)
    landing = Landing(Home(tmp_path), web=Fetcher([HOST]))
    account = landing.land(tiny_source())
    assert (account.outcome, account.health) == ("failed", "unreachable")
    assert "dns" in account.message and HOST in account.message


def test_headers_and_numbers_of_a_page_hold_no_person() -> None:
    """A header is kept in its form or not at all; a validator whole or not at all."""
    sound = {"content-type": "text/html; charset=UTF-8", "etag": 'W/"5f3e-1a2b"', "last-modified": "Mon, 02 Jan 2023 03:04:05 GMT",
             "content-length": "123", "x-gleif-publish-date": "2026-06-12T08:00:00Z"}  # fmt: skip
    assert fetcher_module.keep_headers({**sound, "set-cookie": "a=b"}) == sound
    bad = {"content-type": "text/html; by=a@example.com", "etag": '"13812345678"', "last-modified": "by 13812345678", "date": "张三",
           "content-length": "13812345678", "x-gleif-publish-date": "13812345678"}  # fmt: skip
    assert fetcher_module.keep_headers(bad) == {}
    wide = "attachment; filename*=UTF-8''a%40example.com; filename=\"１３８１２３４５６７８.xls\"".encode().decode("latin-1")
    kept = fetcher_module.keep_headers({"content-disposition": wide})["content-disposition"]
    assert kept.startswith("attachment") and "example" not in kept and "１３８" not in kept and "138" not in kept
    said = {"amount": 13812345678, "ratio": 13812345678.0, "id": 13812345678, "nodes": [13812345678], "13812345678": 1, "13912345678": 2,
            "sum": 15000000000, "rows": [[13812345678]]}  # fmt: skip
    clean = json.loads(scrubbing.scrub(json.dumps(said).encode(), "application/json"))
    assert (clean["id"], clean["nodes"], clean["sum"]) == (13812345678, [13812345678], 15000000000)
    assert json.dumps(clean).count("13812345678") == 2 and "13912345678" not in json.dumps(clean)
    assert len(clean) == len(said)
    assert "138" not in scrubbing.scrub("﻿<p>13812345678</p>".encode("utf-16-le"), "").decode("utf-16-le")
    assert redact("https://x.cn/a?tel=13812345678&mail=a%40example.com").count("1381") == 0
    assert redact("https://x.cn/content/13812345678.html") == "https://x.cn/content/13812345678.html"
    error = FetchError("host_not_allowed", "x.cn/13812345678?m=a%40example.com")
    assert "138" not in str(error) + error.text and "example" not in str(error)
