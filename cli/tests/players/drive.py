"""Plays a package in hls.js, shaka-player, dash.js and Chromium's own HLS, from start to end, in headless Chromium.

    scripts/with-packages.sh scripts/playwright.txt cli/tests/players/drive.py film FILM
    scripts/with-packages.sh scripts/playwright.txt cli/tests/players/drive.py play PACKAGE MODULES [PLAYER ...]
    scripts/with-packages.sh scripts/playwright.txt cli/tests/players/drive.py keys KEYS PACKAGE MODULES [PLAYER ...]

The first makes the film, with files of subtitles beside it. The second plays the package that was made of them with
`--crop center`, two rungs, segments of two seconds and all its sound and subtitles; MODULES is the folder that
scripts/npm.sh prints. A PLAYER may have a comma and the manifest behind it. The third plays one that is encrypted with the
keys in the file KEYS, in the players that take them from a page. On the way they ask for the larger rung, the other language
and the other subtitles. Ends with 0 if each frame was shown once, all the sound was heard, and all subtitles were shown, in
the languages asked for and in time, with 1 and a sentence for each thing that was not, with 2 on wrong arguments.
"""

import base64
import itertools
import shutil
import sys
import tomllib
from pathlib import Path

try:
    from playwright.sync_api import Error as BrowserError
    from playwright.sync_api import sync_playwright
except ImportError:
    sys.exit("drive.py: there is no Playwright; run it by scripts/with-packages.sh")

import film
from judge import judge
from server import Server

HERE = Path(__file__).resolve().parent
# Each player with each manifest that it reads.
PLAYS = [("hls.js", "main.m3u8"), ("shaka-player", "manifest.mpd"), ("shaka-player", "main.m3u8"),
         ("dash.js", "manifest.mpd"), ("chromium", "main.m3u8")]
# Those that play an encrypted package: shaka-player and Chromium's own HLS want other tags than `org.w3.clearkey`.
WITH_KEYS = [("hls.js", "main.m3u8"), ("shaka-player", "manifest.mpd"), ("dash.js", "manifest.mpd")]
OPTIONS = [
    # Root has no sandbox in a container.
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    # HTMLMediaElement.audioTracks, by which the language of Chromium's own HLS is chosen.
    "--enable-blink-features=AudioVideoTracks",
]
# Seconds of the film at which the other subtitles are asked for.
SUBTITLES_AT = 4.8
# On a machine that is too busy the browser drops frames, which it counts, or sound waits: that says nothing of the package.
TRIES = 3


def play(browser, address, player, manifest, rungs, keys):
    """Plays once, and gives what was seen and heard."""
    page = browser.new_page()
    said = []
    page.on("console", lambda line: said.append((line.type, line.text)) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(("error", str(error))))
    page.goto(f"http://127.0.0.1:{address}/page/page.html")
    plan = {
        "smallest": min(rungs), "height": max(rungs), "rungAt": 1.5,
        # Chromium's own HLS has much of the film in hand before it looks.
        "language": "zh", "languageAt": 0 if player == "chromium" else 3, "patience": 4 * film.SECONDS,
        "subtitles": film.SUBTITLES, "subtitlesAt": SUBTITLES_AT,
        "keys": keys, "licences": f"http://127.0.0.1:{address}/licences" if keys else None,
    }
    # By another name than the page's: another origin.
    manifest = f"http://localhost:{address}/package/{manifest}"
    try:
        seen = page.evaluate("given => play(...given)", [player, manifest, film.places(), plan])
        if keys:
            shot = base64.b64encode(page.locator("#video").screenshot()).decode()
            seen["last"] = page.evaluate("given => readPicture(...given)", [shot, film.places()])["number"]
    finally:
        page.close()
    return seen | {"console": said}


def heights(package):
    """Heights of the rungs, by the names of their files."""
    names = [file.stem for file in package.glob("video-*.m3u8")]
    return [int(name.split("x")[-1]) for name in names if not name.endswith("-keys")]


def starts(package):
    """Seconds at which segments begin."""
    text = next(file for file in package.glob("video-*.m3u8") if not file.stem.endswith("-keys")).read_text()
    lasting = [float(line.removeprefix("#EXTINF:").rstrip(",")) for line in text.splitlines() if line.startswith("#EXTINF:")]
    return [0, *itertools.accumulate(lasting)]


def drive(package, modules, players, keys=None):
    rungs = heights(package)
    if len(rungs) != 2:
        sys.exit(f"drive.py: {package} has {len(rungs)} rungs, and should have two")
    program = shutil.which("chromium")
    if not program:
        sys.exit("drive.py: there is no chromium (Debian: apt-get install chromium)")
    server = Server({"page": HERE, "package": package, "npm": modules}, keys or {})
    all_right = True
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=OPTIONS)
        for player, manifest in WITH_KEYS if keys else PLAYS:
            if players and not {player, f"{player},{manifest}"} & {*players}:
                continue
            for _ in range(TRIES):
                seen = play(browser, server.port, player, manifest, rungs, keys)
                wrong, may_be_busy, figures = judge(seen, starts(package), SUBTITLES_AT, own_hls=player == "chromium")
                if not wrong or not may_be_busy:
                    break
                print(f"{player}, {manifest}, played once more: {'; '.join(wrong)}", file=sys.stderr)
            wrong += [f"{path} is asked for, and not there" for path in server.missing]
            server.missing.clear()
            name = f"{player} {seen['version']}, {manifest}"
            print(f"{name}: {figures}", flush=True)
            for sentence in wrong:
                print(f"drive.py: {name}: {sentence}", file=sys.stderr)
            all_right = all_right and not wrong
        browser.close()
    server.close()
    return 0 if all_right else 1


def are_among(plays, players):
    return {*players} <= {name for player, it in plays for name in (player, f"{player},{it}")}


def main(arguments):
    match arguments:
        case ["film", path]:
            film.make(path)
            return 0
        case ["play", package, modules, *players] if are_among(PLAYS, players):
            keys = None
        case ["keys", file, package, modules, *players] if are_among(WITH_KEYS, players):
            keys = {key["kid"]: key["key"] for key in tomllib.loads(Path(file).read_text())["key"]}
        case _:
            print(__doc__.strip(), file=sys.stderr)
            return 2
    try:
        return drive(Path(package), Path(modules), players, keys)
    except (BrowserError, OSError) as error:
        print(f"drive.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
