"""Stands for a government's site: documents, their pages with validators, their attachments, and the faults of such sites.

Belongs here: what every family's replica shares. Does not belong here: any family's lists (policies_lists,
policies_json). Texts are composed for the tests; titles of known policies are real, their bodies are not.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from tests.replicas.base import Replica, Reply, Request

WAF = (
    '<!DOCTYPE html><html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"/>'
    '<script>$_ts=window["$_ts"];if(!$_ts)$_ts={};</script></head><body></body></html>'
)
SOFT_404 = "<html><head><title>页面不存在</title></head><body><p>抱歉，您访问的页面不存在或已删除</p></body></html>"
CAPTCHA = "<html><head><title>安全验证</title></head><body><p>请完成安全验证后继续访问</p></body></html>"


@dataclass
class Doc:
    """One document. `day`: published, ISO; `issued` the day of issue; `files`: name -> bytes."""

    path: str
    title: str
    day: str
    body: str = ""
    number: str = ""
    issued: str = ""
    issuer: str = "测试市人民政府"
    validity: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    file_names: dict[str, str] = field(default_factory=dict)  # file -> what the link says
    expired: int = 0
    abolished: int = 0
    gone: bool = False
    modified: str = ""
    raw: bytes | None = None  # the page's bytes, where a test wants them exactly so


def subsidy(amount: int = 3000) -> str:
    return (
        f"各区人民政府：\n为贯彻落实《国务院办公厅关于加快新能源汽车推广应用的指导意见》（国办发〔2014〕35号），制定本办法。\n"
        f"一、对个人购买新能源汽车的，每辆给予{amount}元补贴。\n二、对新建公共充电桩，按每千瓦300元给予建设补贴。\n"
        "三、本办法自2024年6月1日起施行，有效期3年。\n联系人：张三丰，电话：13812345678。\n测试市人民政府\n2024年5月6日"
    )


@dataclass
class PolicySite(Replica):
    """A site of one host. `noise`: every page carries a counter that moves with each request, so that its bytes never
    repeat; `validators`: pages carry an ETag and answer 304."""

    answer: object = None
    host: str = "www.example.gov.cn"
    docs: list[Doc] = field(default_factory=list)
    per_page: int = 5
    validators: bool = True
    noise: bool = False
    redesign: bool = False  # the lists are built otherwise
    stuck: bool = False  # every page of a list is the first
    half: bool = False  # lists end before </html>
    template_gone: bool = False  # pages of documents have another container
    hits: int = 0

    def __post_init__(self) -> None:
        self.answer = self.speak

    def speak(self, request: Request) -> Reply:
        self.hits += 1
        if (reply := self.listing(request)) is not None:
            return reply
        for doc in self.docs:
            if request.path == doc.path:
                return self.page(doc, request)
            folder = doc.path.rsplit("/", 1)[0]
            for name, content in doc.files.items():
                if request.path == f"{folder}/{name}":
                    return self.conditional(Reply(content, headers={"Content-Type": "application/octet-stream"}), request)
        return Reply(SOFT_404.encode(), 404)

    def listing(self, request: Request) -> Reply | None:
        raise NotImplementedError

    def page(self, doc: Doc, request: Request) -> Reply:
        if doc.gone:
            return Reply(b"", 404)
        body = doc.raw if doc.raw is not None else self.html(doc).encode()
        return self.conditional(Reply(body, headers={"Content-Type": "text/html"}), request)

    def conditional(self, reply: Reply, request: Request) -> Reply:
        if self.validators and not self.noise:
            etag = '"' + hashlib.sha256(reply.body).hexdigest()[:16] + '"'
            if request.headers.get("if-none-match") == etag:
                return Reply(b"", 304, {"ETag": etag})
            reply.headers["ETag"] = etag
        return reply

    def html(self, doc: Doc) -> str:
        """Template A of the State Council's site: a table of fields, the text in UCAP-CONTENT."""
        fields = [("索　引　号", "000014349/2020-00092"), ("发文机关", doc.issuer), ("成文日期", doc.issued), ("发文字号", doc.number),
                  ("发布日期", doc.day), ("有效性", doc.validity)]  # fmt: skip
        rows = "".join(f"<tr><td><b>{k}：</b></td><td>{v}</td></tr>" for k, v in fields if v)
        links = "".join(f'<p><a href="./{name}">{doc.file_names.get(name, "附件")}</a></p>' for name in doc.files)
        container = "nowhere" if self.template_gone else "UCAP-CONTENT"
        count = f"<div class='visits'>浏览次数 {self.hits}</div>" if self.noise else ""
        modified = f'<meta name="lastmodifiedtime" content="{doc.modified}">' if doc.modified else ""
        return (
            f'<html><head><meta charset="utf-8">{modified}<title>{doc.title}_政策文件_测试政府网</title></head><body>'
            f'<div class="nav">{"首页 政务公开 政策 " * 12}</div><table>{rows}</table>{count}'
            f'<div id="{container}"><div class="{"nothing" if self.template_gone else "trs_editor_view"}">'
            + "".join(f"<p>{line}</p>" for line in doc.body.split("\n"))
            + f"{links}</div></div><div class='foot'>{'主办单位 网站地图 ' * 12}</div></body></html>"
        )

    def newest_first(self) -> list[Doc]:
        return sorted(self.docs, key=lambda d: d.day, reverse=True)

    def slice(self, number: int, docs: list[Doc] | None = None) -> list[Doc]:
        """Documents of page `number`, from 0."""
        docs = self.newest_first() if docs is None else docs
        number = 0 if self.stuck else number
        return docs[number * self.per_page : (number + 1) * self.per_page]

    def pages(self) -> int:
        return max(1, -(-len(self.docs) // self.per_page))

    def cut(self, text: str) -> str:
        return text[: len(text) // 2] if self.half else text


def pdf(text: str) -> bytes:
    """A small PDF of one line of ASCII text."""
    stream = f"BT /F1 12 Tf 40 700 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out = b"%PDF-1.4\n"
    offsets = []
    for number, item in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, item)
    start = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % o for o in offsets)
    return out + b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % start
