"""Takes the picture of the player that the README shows: docs/images/player.png.

pip install -e ".[examples]" playwright        and a Chromium on the path
python docs/take_player_image.py
"""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
STEP = 11  # the gradient of a weight
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
AT_REST = "Promise.allSettled(document.getAnimations().map(x => x.finished)).then(() => null)"


def main():
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser_path is None:
        sys.exit(f"None of {', '.join(BROWSERS)} is on the path.")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        example = ROOT / "examples" / "see_mlp.py"
        subprocess.run([sys.executable, example, "--output", folder], check=True, cwd=ROOT)
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800}, device_scale_factor=1.5)
        page.goto(f"{(Path(folder) / 'see_mlp.html').as_uri()}#step={STEP}")
        page.wait_for_selector("#canvas[data-ready]")
        page.evaluate(AT_REST)
        page.screenshot(path=ROOT / "docs" / "images" / "player.png")
        browser.close()


if __name__ == "__main__":
    main()
