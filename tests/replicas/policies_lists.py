"""Stands for sites whose lists are pages: createPage lists in their dialects, and t-date lists.

Belongs here: the forms of NDRC, Shanghai, Chongqing, Wuhan, Hunan (stored samples and public code). Does not belong here:
lists that are JSON or XML (policies_json).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.replicas.base import Reply, Request
from tests.replicas.policies_site import SOFT_404, Doc, PolicySite


@dataclass
class Ndrc(PolicySite):
    """`ul.u-list`, createPageHTML, the second page is index_1. One column holds the documents, the others one old one."""

    host: str = "www.ndrc.gov.cn"
    column: str = "/xxgk/zcfb/tz"
    columns: tuple[str, ...] = ("fzggwl", "ghxwj", "ghwb", "gg", "tz")
    stub: bool = False  # further pages are stubs of some hundred bytes

    def listing(self, request: Request) -> Reply | None:
        match = re.fullmatch(r"(/xxgk/zcfb/\w+)/index(?:_(\d+))?\.html", request.path)
        if not match:
            return None
        number = int(match[2] or 0)
        old = [Doc(f"{match[1]}/201001/t20100105_1.html", "关于公路建设的通知", "2010-01-05")]
        docs = self.newest_first() if match[1] == self.column else old
        count = max(1, -(-len(docs) // self.per_page))
        if number >= count:
            return Reply(SOFT_404.encode(), 404)
        if self.stub and number:
            return Reply(SOFT_404.encode())
        here = self.slice(number, docs)
        return self.conditional(Reply(self.cut(self.rows(match[1], here, count)).encode()), request)

    def rows(self, folder: str, docs: list[Doc], count: int) -> str:
        if self.redesign:
            rows = "".join(f'<div class="card" onclick="go(\'{d.path}\')">{d.title}</div>' for d in docs)
            return f"<html><body><div class='cards'>{rows}</div>{'新版网站 ' * 60}</body></html>"
        rows = "".join(
            f'<li>\n<a href="./{d.path.removeprefix(folder + "/")}" target="_blank" title="{d.title}">'
            f'{d.title[:20]}…</a><i></i><span>{d.day.replace("-", "/")}</span></li>'
            for d in docs
        )
        return f'<html><body><ul class="u-list">{rows}</ul><script>createPageHTML({count}, 0, "index", "html");</script></body></html>'


@dataclass
class Shanghai(PolicySite):
    """Archives by year; the second page is index_2; commented-out duplicates."""

    host: str = "www.shanghai.gov.cn"

    def listing(self, request: Request) -> Reply | None:
        match = re.fullmatch(r"/(nw\w+?)(20\d{2})?/index(?:_(\d+))?\.html", request.path)
        if not match:
            return None
        docs = self.newest_first() if match[1] in ("nw39220", "nw12344") else []
        if not docs:
            docs = [Doc("/nw9/20100105/old.html", "关于公路建设的通知", "2010-01-05")]
        if match[2]:
            docs = [d for d in docs if d.day[:4] == match[2]]
        elif match[1] == "nw39220":
            docs = docs[:2]
        number = int(match[3] or 1) - 1
        count = max(1, -(-len(docs) // self.per_page))
        if number >= count:
            return Reply(SOFT_404.encode(), 404)
        rows = "".join(
            f'<!-- <li><a href="/dup.html" title="重复">重复</a> <span class="time">{d.day}</span></li> -->'
            f'<li><a href="{d.path}" title="{d.title}">{d.title[:12]}…</a> <span class="time">{d.day}</span></li>'
            for d in docs[number * self.per_page : (number + 1) * self.per_page]
        )
        years = ""
        if not match[2] and match[1] == "nw39220":
            years = "".join(f'<a href="/nw12344{y}/index.html"><h4>{y}年</h4></a>' for y in sorted({d.day[:4] for d in self.docs}))
        return Reply(
            f'<html><body>{years}<ul>{rows}</ul><script>$(".pagination").pagination({{ totalPage: {count}, currentPage: 1 }});'
            "</script></body></html>".encode()
        )


@dataclass
class Chongqing(PolicySite):
    """A table whose rows state number and day of issue; the day of publication is in the address."""

    host: str = "www.cq.gov.cn"

    def listing(self, request: Request) -> Reply | None:
        match = re.fullmatch(r"(/zwgk/zfxxgkml/szfwj/(xzgfxwj/szfbgt|xzgfxwj/szf|zfgz/zfgz))/index\.html", request.path)
        if not match:
            return None
        if match[2] == "zfgz/zfgz":
            return Reply(
                '<html><body><a class="listpc-item" href="./201001/t20100105_7.html"><li class="file-title" title="重庆市公路管理办法">'
                '重庆市公路管理办法</li><li class="file-code">渝府令〔2010〕7号</li><li class="pub-time">2010-01-05</li></a>'
                '<script>createPage(1, 0, "index", "html");</script></body></html>'.encode()
            )
        docs = self.docs if match[2] == "xzgfxwj/szf" else [Doc(f"{match[1]}/201001/t20100105_1.html", "关于公路的通知", "2010-01-05")]
        rows = "".join(
            f'<tr class="zcwjk-list-c clearfix"><td class="num">1</td><td class="title"><a href="./{d.path.removeprefix(match[1] + "/")}">'
            f'<p class="tit">{d.title}</p><p class="info"><i class="kh">(</i><span>发文字号：{d.number}</span>'
            f'<span class="time">成文日期 ：{d.issued}</span><i class="kh">)</i></p></a></td></tr>'
            for d in docs
        )
        return Reply(f'<html><body><table>{rows}</table><script>createPage(1, 0, "index", "html");</script></body></html>'.encode())


@dataclass
class Wuhan(PolicySite):
    """Rows written by script: url, title, FILENUM assigned, a date written."""

    host: str = "www.wuhan.gov.cn"

    def listing(self, request: Request) -> Reply | None:
        match = re.fullmatch(r"(/zwgk/xxgk/zfwj/(?:gfxwj|szfwj))/index(?:_(\d+))?\.shtml", request.path)
        if not match:
            return None
        number = int(match[2] or 0)
        if match[1].endswith("szfwj"):
            return Reply(
                '<html><body><script>var url = "./201001/t20100105_1.shtml"\ntitle = "关于公路的通知";\nvar FILENUM = "无"\n'
                'document.writeln("2010-01-05 17:32");createPageHTML(1, 0, "index", "shtml");</script></body></html>'.encode()
            )
        rows = "".join(
            f'<script>var url = "./{d.path.removeprefix(match[1] + "/")}"\nvar title = "短题";\nif (title == "") {{\n}}\ntitle = "{d.title}";\n'
            f'var FILENUM = "{d.number or "无"}"\ndocument.writeln("<a href="+url+" >");\ndocument.writeln("{d.day} 17:32");</script>'
            for d in self.slice(number)
        )
        if number >= self.pages():
            return Reply(SOFT_404.encode(), 404)
        return Reply(f'<html><body>{rows}<script>createPageHTML({self.pages()}, {number}, "index", "shtml");</script></body></html>'.encode())


@dataclass
class Hunan(PolicySite):
    """t-date links of no declared form; how many pages there are is not said, and the second is a stub."""

    host: str = "www.hunan.gov.cn"

    def listing(self, request: Request) -> Reply | None:
        match = re.fullmatch(r"/hnszf/xxgk/(zfgz|tzgg/swszf)/index(?:_(\d+))?\.html", request.path)
        if not match:
            return None
        if match[2]:
            return Reply(SOFT_404.encode())
        docs = self.newest_first() if match[1] == "zfgz" else [Doc("/hnszf/xxgk/tzgg/swszf/201001/t20100105_1.html", "关于公路的通知", "2010-01-05")]
        rows = "".join(f'<p class="x"><a href="{d.path}">{d.title}</a></p>' for d in docs)
        return Reply(f"<html><body>{rows}<p>{'湖南省人民政府门户网站 ' * 30}</p></body></html>".encode())
