"""Judge the files of a folder as the inbox would, and change nothing.

Belongs here: the command `python -m sources.inbox.check_inputs --dir DIR [--kind firms]`, which prints one JSON line a
file. Does not belong here: any rule; those are the inbox's, and for documents those of ingest.web.documents.

Verdicts: `accept` (all records taken), `quarantine` (some held back by name), `reject` (the file cannot be taken),
`block` (it reads well and looks wrong as a whole: an anomaly guard holds it for a person to look at).
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ingest.declaration import BlockFile, RejectFile
from ingest.files.archives import check_zip
from ingest.files.open import TABULAR, media_of
from ingest.store.landing import height_of
from ingest.text.scrub import redact
from ingest.text.values import china_day
from ingest.web.documents import Document, judge_page, judge_pdf, judge_xml
from sources.inbox import manifest_of
from sources.inbox.bulk import is_bulk, read_and_judge
from sources.inbox.bulk.lanes import scratch
from sources.inbox.judge import judge
from sources.inbox.kinds import KINDS
from sources.inbox.scrubbed import read
from sources.inbox.shelf import is_sidecar
from sources.inbox.texts import printable


def judge_file(
    path: Path, kind: str, today: dt.date, manifest: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The verdict on one file: verdict, rows_in, rows_ok, rows_quarantined, reasons; with `detail`, `flags` and what
    else the file shows (`encoding`, `title`, `columns`). Never raises for what is in the file."""
    answer: dict[str, Any] = {
        "file": printable(redact(path.name)), "verdict": "accept", "rows_in": 0, "rows_ok": 0,
        "rows_quarantined": 0, "reasons": [],
    }  # fmt: skip
    media = media_of(path.name)
    try:
        if media in TABULAR:
            _judge_table(path, kind, media, today, manifest or {}, answer)
        elif media in ("html", "xml", "pdf"):
            _judge_document(path, media, today, answer)
        elif media == "zip":
            check_zip(path)
            answer["flags"] = ["no_inbox_kind"]  # the archive is sound, but the inbox reads none
        else:
            raise RejectFile("unsupported_type", f"{path.suffix or 'no ending'} is no kind of file that is read")
    except BlockFile as error:
        answer.update(verdict="block", reasons=[error.reason], detail=printable(redact(error.detail)))
        if "rows_in" in answer:
            answer["rows_quarantined"], answer["rows_ok"] = answer["rows_in"], 0
    except RejectFile as error:
        answer.update(verdict="reject", reasons=[error.reason], detail=printable(redact(error.detail)))
        answer.update(rows_in=0, rows_ok=0, rows_quarantined=0)
    except (OSError, MemoryError, RecursionError) as error:
        answer.update(verdict="reject", reasons=["unreadable"], detail=type(error).__name__)
        answer.update(rows_in=0, rows_ok=0, rows_quarantined=0)
    return answer


def _judge_table(
    path: Path, kind: str, media: str, today: dt.date, manifest: Mapping[str, Any], answer: dict[str, Any]
) -> None:
    if is_bulk(path, kind, media):
        _judge_bulk(path, kind, media, today, manifest, answer)
        return
    scrubbed = read(path, kind, media, manifest)
    answer.update(rows_in=len(scrubbed.records), encoding=scrubbed.meta["encoding"], kind=kind)
    judged = judge(scrubbed, today)
    held = len(judged.quarantine)
    answer.update(rows_ok=judged.accepted, rows_quarantined=held, reasons=list(judged.reasons))
    answer.update(rows_distinct=len(judged.rows), flags=[printable(redact(flag)) for flag in judged.flags])
    if scrubbed.meta["dropped"]:
        answer["columns_dropped"] = scrubbed.meta["dropped"]
    if held:
        answer["verdict"] = "quarantine"
        answer["detail"] = [
            {key: row[key] for key in ("record", "reason", "column", "detail")}
            for row in judged.quarantine[:20]
        ]


def _judge_bulk(
    path: Path, kind: str, media: str, today: dt.date, manifest: Mapping[str, Any], answer: dict[str, Any]
) -> None:
    """A national register by whole columns; its scrubbed form lives in a temporary folder and goes with it."""
    with scratch() as folder:
        form = Path(folder) / "scrubbed.parquet"
        reading = read_and_judge(path, kind, media, manifest, form, today)
        meta = reading.meta
        answer.update(encoding=meta["encoding"], kind=kind, rows_in=height_of(form))
        parsed = reading.parsed(form, today)
    held = parsed.quarantine
    reasons = sorted(held["reason"].unique().to_list())
    merged = sum(int(detail) for code, detail in parsed.notes if code == "duplicates_merged")
    answer.update(rows_ok=parsed.accepted, rows_quarantined=held.height, reasons=reasons)
    flags = [f"{code}:{detail}" if detail else code for code, detail in parsed.notes]
    answer.update(rows_distinct=parsed.accepted - merged, flags=[printable(redact(flag)) for flag in flags])
    if meta["dropped"]:
        answer["columns_dropped"] = meta["dropped"]
    if held.height:
        answer["verdict"] = "quarantine"
        answer["detail"] = held.head(20).select("record", "reason", "column", "detail").to_dicts()


def _judge_document(path: Path, media: str, today: dt.date, answer: dict[str, Any]) -> None:
    found: Document
    if media == "pdf":
        found = judge_pdf(path)
    elif media == "xml":
        found = judge_xml(path.read_bytes())
    else:
        found = judge_page(path.read_bytes(), today)
    answer.update(rows_in=1, rows_ok=1, flags=[*found.flags, "no_inbox_kind"])
    if redact(found.text) != found.text:
        answer["flags"].append("personal_text_redacted")
    if media == "html":
        answer.update(encoding=found.encoding, title=printable(redact(found.title))[:300], date=found.date)
        answer.update(links_followed=len(found.links), links_refused=len(found.refused_links))
    if found.problems:
        answer.update(verdict="quarantine", rows_ok=0, rows_quarantined=1)
        answer.update(reasons=sorted({reason for reason, _ in found.problems}), detail=found.problems[0][1])


def files_of(folder: Path, kind: str) -> Iterator[tuple[Path, str]]:
    """(path, kind) of every file under a folder: sub-folders named after a kind are of that kind."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not any(part.startswith((".", "~$")) for part in relative.parts):
            if not is_sidecar(path):
                named = [part for part in relative.parts[:-1] if part in KINDS]
                yield path, named[0] if named else kind  # as in the inbox: below a kind's folder, all is of that kind


def main(argv: list[str] | None = None) -> int:
    """The command. `--previous` names a JSON file {file name: {rows, cities …}} of the snapshot before."""
    parser = argparse.ArgumentParser(prog="check-inputs", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--kind", choices=KINDS, default="firms")
    parser.add_argument("--previous", type=Path)
    options = parser.parse_args(argv)
    if not options.dir.is_dir():
        print(f"{options.dir} is no folder", file=sys.stderr)
        return 2
    before: Mapping[str, Any] = json.loads(options.previous.read_text("utf-8")) if options.previous else {}
    today = china_day(dt.datetime.now(dt.UTC))  # the day by which the landing judges
    for path, kind in files_of(options.dir, options.kind):
        manifest = manifest_of(path)
        if isinstance(before.get(path.name), dict):
            manifest = {"previous": before[path.name], **manifest}
        answer = judge_file(path, kind, today, manifest)
        answer["file"] = printable(redact(path.relative_to(options.dir).as_posix()))
        print(json.dumps(answer, ensure_ascii=False), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
