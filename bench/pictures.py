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

from ingest.home import CHECKOUT, Home

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def small(picture: bytes, target: Path) -> None:
    """Write a PNG of at most 256 colours: the most frequent as they are (flat areas, so no tint creeps in), the rest by octree."""
    from PIL import Image

    image: Any = Image.open(io.BytesIO(picture)).convert("RGB")
    flat = [colour for _, colour in sorted(image.getcolors(1 << 24), reverse=True)[:96]]
    rest = image.quantize(160, method=Image.Quantize.FASTOCTREE).getpalette()[: 3 * 160]
    palette = Image.new("P", (1, 1))
    palette.putpalette([channel for colour in flat for channel in colour] + rest)
    image.quantize(palette=palette, dither=Image.Dither.NONE).save(target, optimize=True)


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
            page.set_viewport_size({"width": 1500, "height": 1150})
            page.goto(f"{options.ui}/asset-groups")
            page.wait_for_timeout(10_000)
            small(page.screenshot(), options.out / "graph.png")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
