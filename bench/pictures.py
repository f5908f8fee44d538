"""`python -m bench.pictures`: take the pictures of the README anew, from a published version and from Dagster's UI.

Belongs here: what is photographed and how large. Does not belong here: anything that judges (tests/).
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from pathlib import Path
from typing import Any

from sources.home import CHECKOUT, Home

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def small(picture: bytes, target: Path) -> None:
    """Write a PNG with a palette: a quarter of the size. Maximum coverage keeps the rare colours of a map."""
    from PIL import Image

    image: Any = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(target, optimize=True)


def main() -> int:
    """Returns 0, or 2 where Chromium or a published version is missing."""
    parser = argparse.ArgumentParser(prog="python -m bench.pictures")
    parser.add_argument("--ui", help="address of a running Dagster UI, such as http://127.0.0.1:3000: also docs/graph.png")
    parser.add_argument("--out", type=Path, default=CHECKOUT / "docs")
    options = parser.parse_args()
    chromium, page_file = shutil.which("chromium"), Home.from_env().current / "atlas.html"
    if chromium is None or not page_file.exists():
        print(f"needs Debian's chromium and {page_file}", file=sys.stderr)
        return 2
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 980})
        page.goto(page_file.resolve().as_uri())
        page.wait_for_selector("html[data-ready=true]")
        page.evaluate("document.getElementById('map').scrollIntoView({behavior: 'instant'})")
        page.wait_for_timeout(1500)
        small(page.screenshot(), options.out / "atlas.png")
        if options.ui:
            page.set_viewport_size({"width": 1500, "height": 900})
            page.goto(f"{options.ui}/asset-groups")
            page.wait_for_timeout(10_000)
            small(page.screenshot(), options.out / "graph.png")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
