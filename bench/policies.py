"""`python -m bench.policies`: 30,000 policy documents of 5,000 characters coded, with time and memory.

Belongs here: a seeded stream of documents, the time and peak memory of coding it, and beside them a plain substring scan of
the same documents in the same run. Does not belong here: how good the coder is (bench/policy_quality.py).

A document is synthetic: a quarter of its sentences are the gold set's with every number drawn anew (so that no sentence is
ever met twice and no cache helps), the rest is the prose of administration around them. Goal: 120 s on two cores, memory
that does not grow with the number of documents.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import resource
import time
from collections.abc import Iterator

import psutil

from bench.policy_quality import _plain_words, load
from ingest.policies.coding import code_stream

_WHO = ("市发展改革委", "市工业和信息化局", "市财政局", "各区人民政府", "市交通运输局", "市商务局", "开发区管委会", "有关行业协会")
_WHAT = ("加强对本通知执行情况的跟踪", "做好与上级部门的衔接", "明确具体联系人并报送备案", "及时总结经验做法", "按职责抓好组织落实",
         "完善台账和档案", "依照法定程序受理和办结", "妥善处理工作中出现的新情况", "将有关情况书面报告市政府", "通过门户网站向社会说明")  # fmt: skip
_WHEN = ("于{}月底前", "自收到之日起{}个工作日内", "在第{}季度", "按照附件{}的要求", "根据第{}次常务会议精神", "结合编号{}的实际情况")


def _filler(rng: random.Random) -> str:
    parts = [f"{rng.choice(_WHO)}应当{rng.choice(_WHEN).format(rng.randint(1, 99))}{rng.choice(_WHAT)}" for _ in range(rng.randint(1, 2))]
    return "，".join(parts) + "。"


def documents(count: int, size: int = 5_000, seed: int = 20260101) -> Iterator[tuple[str, str, None, None]]:
    """(policy_id, text, None, None) of `count` documents of `size` characters each, one at a time."""
    rng = random.Random(seed)
    gold = [item for item in load() if item["language"] == "zh" and item["part"] != "held_out"]
    titles = [item["title"] for item in gold]
    sentences = [s + "。" for item in gold for s in re.split("[。；]", item["text"]) if s]
    for number in range(count):
        pieces, length = [rng.choice(titles) + "\n"], 0
        while length < size:
            if rng.random() < 0.25:
                piece = re.sub(r"\d+", lambda m: str(rng.randint(1, 10 ** len(m[0]) - 1)) if len(m[0]) < 4 else m[0], rng.choice(sentences))
            else:
                piece = _filler(rng)
            if rng.random() < 0.15:
                piece += "\n"
            pieces.append(piece)
            length += len(piece)
        yield f"B{number:06d}", "".join(pieces)[: size + len(pieces[0])], None, None


def _largest_worker_mib() -> float:
    """Resident memory of the largest process below this one, MiB (the pool's workers are not waited for by us, so the
    kernel's account of ended children does not hold them)."""
    sizes = [0]
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            sizes.append(child.memory_info().rss)
    return max(sizes) / 2**20


def run(count: int, workers: int) -> dict[str, float]:
    """Seconds for making, scanning and coding `count` documents; labels found; peak memory."""
    words = [w for _, language, group in _plain_words() if language == "zh" for w in group]
    start = time.perf_counter()
    scanned = chars = 0
    for _, text, _, _ in documents(count):
        chars += len(text)
    made = time.perf_counter() - start
    start = time.perf_counter()
    for _, text, _, _ in documents(count):
        scanned += sum(word in text for word in words)
    scan = time.perf_counter() - start - made
    start = time.perf_counter()
    labels, worker = 0, 0.0
    for frame in code_stream(documents(count), workers):
        labels += frame.height
        worker = max(worker, _largest_worker_mib())
    coded = time.perf_counter() - start  # the making of the stream is part of it: it stands for reading
    start = time.process_time()
    sample = min(count, 300)
    for _ in code_stream(documents(sample), 1):
        pass
    cpu = (time.process_time() - start) / sample
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "documents": count, "characters": chars, "labels": labels, "seconds_coding": coded, "cpu_ms_per_document": 1000 * cpu, "documents_per_second": count / coded,
        "seconds_making": made, "seconds_scan": scan, "ratio_to_scan": coded / scan, "words_found_by_scan": scanned,
        "peak_mib_parent": own, "peak_mib_worker": worker,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=30_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    found = run(options.documents, options.workers)
    for name, value in found.items():
        print(f"{name:22} {value:,.1f}" if isinstance(value, float) else f"{name:22} {value:,}")
    scaled = found["seconds_coding"] * 30_000 / options.documents
    print(f"30,000 documents: {scaled:.0f} s here (goal 120 s on two cores): {'met' if scaled <= 120 else 'MISSED'}")
    print(f"by processor time, on two idle cores: {found['cpu_ms_per_document'] * 30 / 2:.0f} s; load of this machine now {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
