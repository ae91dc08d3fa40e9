"""Drives the review page in Chromium as a person does, and checks what it shows and saves.

    scripts/playwright.sh cli/tests/review/drive.py PAGE.html OUT_DIR
    scripts/playwright.sh cli/tests/review/drive.py --sample OUT_DIR

PAGE.html was made by the program from a plan of at least two shots; --sample makes one of page.html and sample.json.
The plan that the page saves is left in OUT_DIR under the page's name for it, beside page.png. Ends with 0 if all is
right, with 1 and a sentence if not, with 2 on wrong arguments.
"""

import copy
import json
import re
import shutil
import sys
import tempfile
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

try:
    from playwright.sync_api import Error as BrowserError
    from playwright.sync_api import sync_playwright
except ImportError:
    sys.exit("drive.py: there is no Playwright; run it by scripts/playwright.sh")

HERE = Path(__file__).resolve().parent
TEMPLATE = HERE.parent.parent / "src" / "review" / "page.html"
PLACEHOLDER = "{{DATA}}"
# Rows whose thumbnails are looked at one by one.
ROWS = 20
# Pixels of the film's picture by which a saved window may be off: roundings.
NEAR = 0.01


class Wrong(Exception):
    """Something is not as it should be."""


def check(holds, sentence):
    if not holds:
        raise Wrong(sentence)


def equal(found, wanted, what):
    check(found == wanted, f"{what}: {found!r}, should be {wanted!r}")


# ---- What the page should do, written a second time


def seconds(time):
    return float(Fraction(time))


def window_at(track, time):
    """The window of a track at a time in seconds."""
    before = [key for key in track if seconds(key["time"]) <= time]
    if not before:
        return track[0]["window"]
    start = before[-1]
    if len(before) == len(track) or start.get("then", "hold") == "hold":
        return start["window"]
    end = track[len(before)]
    part = (time - seconds(start["time"])) / (seconds(end["time"]) - seconds(start["time"]))
    if start["then"] == "ease":
        part = part * part * (3 - 2 * part)
    before, after = start["window"], end["window"]
    return {side: before[side] + (after[side] - before[side]) * part for side in before}


class Model:
    """The data of a page, and what its shots should become."""

    def __init__(self, page_file):
        text = page_file.read_text(encoding="utf-8")
        found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
        check(found, f"{page_file} has no data")
        self.text = found.group(1)
        self.data = json.loads(self.text)
        self.picture = self.data["picture"]
        self.original = self.data["plan"]["wanted"]["shots"]
        self.shots = copy.deepcopy(self.original)
        check(len(self.shots) >= 2, "the plan has fewer than two shots")

    def thumbnails(self, index):
        start = self.data["shots"][index]["start"]
        return self.data["shots"][index]["thumbnails"] or [{"time": start, "image": None}]

    def chosen(self, index):
        """The thumbnail that is shown first."""
        return (len(self.thumbnails(index)) - 1) // 2

    def window(self, index, number):
        return window_at(self.shots[index]["track"], self.thumbnails(index)[number]["time"])

    def room(self, index):
        """How far the window can go to the left and to the right, in pixels."""
        borders = self.original[index].get("borders") or {}
        left, right = borders.get("left", 0), self.picture["width"] - borders.get("right", 0)
        windows = [key["window"] for key in self.shots[index]["track"]]
        return min(w["x"] for w in windows) - left, right - max(w["x"] + w["width"] for w in windows)

    def move(self, index, distance):
        to_left, to_right = self.room(index)
        distance = min(max(distance, -to_left), to_right)
        for key in self.shots[index]["track"]:
            key["window"]["x"] += distance
        self.shots[index]["locked"] = True

    def make_static(self, index, number):
        shot = self.shots[index]
        if len(shot["track"]) > 1:
            window = dict(self.window(index, number))
            shot["track"] = [{"time": shot["start"], "window": window, "then": "hold"}]
        shot["mode"] = "static"
        shot["locked"] = True

    def edited(self):
        return [index for index, shot in enumerate(self.shots) if shot != self.original[index]]


def near(found, wanted, where):
    """Checks that two parts of a plan are the same but for a hundredth of a pixel."""
    if isinstance(wanted, (int, float)) and not isinstance(wanted, bool):
        check(
            isinstance(found, (int, float)) and not isinstance(found, bool) and abs(found - wanted) <= NEAR,
            f"{where} is {found!r}, should be {wanted!r}",
        )
    elif isinstance(wanted, dict):
        check(isinstance(found, dict) and set(found) == set(wanted), f"{where} is {found!r}, should be {wanted!r}")
        for key in wanted:
            near(found[key], wanted[key], f"{where}.{key}")
    elif isinstance(wanted, list):
        check(isinstance(found, list) and len(found) == len(wanted), f"{where} is {found!r}, should be {wanted!r}")
        for number, (one, other) in enumerate(zip(found, wanted)):
            near(one, other, f"{where}[{number}]")
    else:
        check(type(found) is type(wanted) and found == wanted, f"{where} is {found!r}, should be {wanted!r}")


def exactly(text):
    """JSON with every digit and the order of fields."""
    return json.loads(text, parse_float=Decimal, object_pairs_hook=lambda pairs: [("field", *pair) for pair in pairs])


def without_shots(document):
    """A document of `exactly` with nothing in place of wanted.shots."""
    return [
        (tag, name, [(t, n, None if n == "shots" else v) for t, n, v in value] if name == "wanted" else value)
        for tag, name, value in document
    ]


# ---- The page in the browser


class Driver:
    def __init__(self, page, model):
        self.page = page
        self.model = model

    def row(self, index):
        return self.page.locator(f"#shot-{index + 1}")

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def order(self):
        return self.page.locator("#list > li").evaluate_all("rows => rows.map(row => Number(row.dataset.index))")

    def current(self):
        return self.page.locator('#list > li[aria-current="true"]').evaluate_all(
            "rows => rows.map(row => Number(row.dataset.index))"
        )

    def select(self, index):
        """Goes to a shot by the keyboard."""
        equal(self.page.locator("#filter-all").get_attribute("aria-pressed"), "true", "the filter")
        order = self.order()
        steps = order.index(index) - order.index(self.current()[0])
        self.press(*(["j"] * steps if steps >= 0 else ["k"] * -steps))
        equal(self.current(), [index], "the current shot after j and k")

    def drawn(self, picture):
        """The window that is drawn in a picture, in pixels of the film."""
        x, y, width, height = picture.evaluate(
            """element => {
                const frame = element.getBoundingClientRect();
                const window = element.querySelector('.window').getBoundingClientRect();
                return [(window.left - frame.left) / frame.width, (window.top - frame.top) / frame.height,
                    window.width / frame.width, window.height / frame.height];
            }"""
        )
        across, down = self.model.picture["width"], self.model.picture["height"]
        return {"x": x * across, "y": y * down, "width": width * across, "height": height * down}

    def check_drawn(self, picture, index, number, what):
        # Browsers lay out in 64ths of a pixel.
        slack = self.model.picture["width"] / picture.bounding_box()["width"] / 16 + NEAR
        found, wanted = self.drawn(picture), self.model.window(index, number)
        for side in wanted:
            check(
                abs(found[side] - wanted[side]) <= slack,
                f"{what}: the window is drawn with {side} {found[side]:.2f}, should be {wanted[side]:.2f}",
            )

    def check_stage(self, what):
        index = self.current()[0]
        stage = self.page.locator("#stage")
        number = int(stage.get_attribute("data-thumb"))
        equal(int(stage.get_attribute("data-shot")), index, f"{what}: the shot in the large view")
        self.check_drawn(stage, index, number, f"{what}: large view of shot {index + 1}")
        self.check_crop(index, number, what)

    def check_crop(self, index, number, what):
        """The vertical picture shows what is in the window, and nothing else."""
        if not self.model.thumbnails(index)[number]["image"]:
            return
        part = self.page.locator("#cropped").evaluate(
            """element => {
                const frame = element.getBoundingClientRect();
                const image = element.querySelector('img').getBoundingClientRect();
                return [(frame.left - image.left) / image.width, (frame.top - image.top) / image.height,
                    frame.width / image.width, frame.height / image.height];
            }"""
        )
        window, film = self.model.window(index, number), self.model.picture
        wanted = [
            window["x"] / film["width"], window["y"] / film["height"],
            window["width"] / film["width"], window["height"] / film["height"],
        ]  # fmt: skip
        for found, right in zip(part, wanted):
            check(abs(found - right) < 0.002, f"{what}: the vertical picture shows {part}, should show {wanted}")

    def check_counts(self, what):
        equal(self.page.locator("#edited-count").inner_text(), str(len(self.model.edited())), f"{what}: edited shots")
        locked = sum(shot.get("locked") is True for shot in self.model.shots)
        equal(self.page.locator("#locked-count").inner_text(), str(locked), f"{what}: locked shots")

    def drag(self, distance):
        """Drags the window of the large view, and gives the distance in pixels of the film."""
        window = self.page.locator("#stage .window")
        box, stage = window.bounding_box(), self.page.locator("#stage").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        mouse = self.page.mouse
        mouse.move(x, y)
        mouse.down()
        for step in range(1, 5):
            mouse.move(x + distance * step / 4, y)
        mouse.up()
        return distance * self.model.picture["width"] / stage["width"]

    def asks_before_leaving(self):
        return self.page.evaluate(
            """() => {
                const event = new Event('beforeunload', { cancelable: true });
                dispatchEvent(event);
                return event.defaultPrevented;
            }"""
        )

    def save(self, folder, press):
        with self.page.expect_download() as download:
            press()
        equal(download.value.suggested_filename, self.model.data["plan_name"], "the name of the download")
        path = folder / self.model.data["plan_name"]
        download.value.save_as(path)
        return path


def check_shown(driver):
    page, model = driver.page, driver.model
    check(model.data["name"] in page.locator("header").inner_text(), "the header does not name the film")
    check(
        f"upright render {model.data['plan_name']} -o out/" in page.locator("footer").inner_text()
        or re.search(r"[^\w.+,:@%-]", model.data["plan_name"]),
        "the footer does not say how to render",
    )
    count = range(len(model.shots))
    confidence = [shot.get("confidence") if shot.get("confidence") is not None else -1 for shot in model.shots]
    equal(driver.order(), sorted(count, key=lambda index: (confidence[index], index)), "the order by confidence")
    page.click("#order-time")
    equal(driver.order(), list(count), "the order by time")
    page.click("#order-confidence")

    page.click("#filter-unsure")
    unsure = [index for index in count if max(confidence[index], 0) < 0.7]
    equal(sorted(driver.order()), unsure, "the shots below 70%")
    equal(page.locator("#none").is_visible(), not unsure, "the sentence that there is no such shot")
    page.click("#filter-locked")
    equal(sorted(driver.order()), [i for i in count if model.shots[i].get("locked")], "the locked shots")
    page.click("#filter-edited")
    equal(driver.order(), [], "the edited shots before any edit")
    page.click("#filter-all")
    driver.check_counts("at first")
    check(not driver.asks_before_leaving(), "the page asks before leaving though nothing was edited")

    for index in driver.order()[:ROWS]:
        check_row(driver, index)


def check_row(driver, index):
    shot, row, what = driver.model.shots[index], driver.row(index), f"row of shot {index + 1}"
    row.scroll_into_view_if_needed()
    text = row.inner_text()
    equal(row.locator(".number").inner_text(), str(index + 1), what)
    if shot.get("confidence") is not None:
        percent = int(shot.get("confidence") * 100 + 1e-9)
        equal(row.locator(".percent").inner_text(), f"{percent}%", f"{what}: confidence")
        check(row.locator(".meter i").evaluate("bar => bar.offsetWidth") > 0 or percent < 2, f"{what} has no bar")
    if shot.get("reason"):
        check(shot.get("reason") in text, f"{what} does not say the reason {shot['reason']!r}")
    if shot.get("mode"):
        equal(row.locator(".mode").inner_text().lower(), shot["mode"], f"{what}: mode")
    pictures = row.locator(".picture")
    thumbnails = driver.model.thumbnails(index)
    pictures.nth(len(thumbnails) - 1).wait_for()
    equal(pictures.count(), len(thumbnails), f"{what}: thumbnails")
    for number, thumbnail in enumerate(thumbnails):
        picture, name = pictures.nth(number), f"{what}, thumbnail {number + 1}"
        driver.check_drawn(picture, index, number, name)
        if thumbnail["image"]:
            wide = picture.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)")
            check(wide > 0, f"{name} is no picture")
        there = [
            subject for subject in shot.get("subjects") or []
            if seconds(subject["from"]) <= thumbnail["time"] <= seconds(subject["to"])
        ]  # fmt: skip
        equal(picture.locator(".subject").count(), len(there), f"{name}: subjects")
        equal(picture.locator(".subject.held").count(), sum(s["held"] for s in there), f"{name}: subjects that are held")
        bars = shot.get("borders") or {}
        equal(picture.locator(".border").count(), sum(bar > 0 for bar in bars.values()), f"{name}: black bars")
        slider = picture.get_by_role("slider")
        check(0 <= int(slider.get_attribute("aria-valuenow")) <= 100, f"{name}: the value of its window")


def check_help(driver):
    driver.press("?")
    check(driver.page.locator("#help").is_visible(), "? does not show the keys")
    before = driver.current()
    driver.press("j")
    equal(driver.current(), before, "the current shot after j in the help")
    driver.press("Escape")
    check(not driver.page.locator("#help").is_visible(), "Escape does not hide the keys")


def choose(model):
    """The shots for each kind of edit: other ones where there are enough of them."""
    count = range(len(model.shots))
    roomy = [index for index in count if sum(model.room(index)) > model.picture["width"] * 0.1]
    check(len(roomy) >= 2, "fewer than two shots have windows that can be moved sideways")
    moving = [index for index in count if len(model.shots[index]["track"]) > 1]
    dragged = next((index for index in moving if index in roomy), roomy[0])
    nudged = next(index for index in roomy if index != dragged)
    rest = [index for index in count if index not in (dragged, nudged)]
    # What is static already cannot be made so.
    unlike = [index for index in count if model.shots[index].get("mode") != "static" or index in moving]
    made_static = next((index for index in unlike if index in rest), unlike[0] if unlike else None)
    locked = next((index for index in rest if index != made_static), None)
    return dragged, nudged, made_static, locked


def edit(driver):
    page, model = driver.page, driver.model
    dragged, nudged, made_static, locked = choose(model)

    # By mouse, where there is more room.
    driver.select(dragged)
    to_left, to_right = model.room(dragged)
    across = page.locator("#stage").bounding_box()["width"] / model.picture["width"]
    distance = round(max(to_left, to_right) / 3 * across) * (1 if to_right > to_left else -1)
    window = page.locator("#stage .window")
    before = int(window.get_attribute("aria-valuenow"))
    model.move(dragged, round(driver.drag(distance) * 1000) / 1000)
    driver.check_stage("after a drag")
    check(int(window.get_attribute("aria-valuenow")) != before, "a drag does not change the value of the window")
    driver.check_counts("after a drag")
    for number in range(len(model.thumbnails(dragged))):
        picture = driver.row(dragged).locator(".picture").nth(number)
        driver.check_drawn(picture, dragged, number, f"thumbnail {number + 1} after a drag")

    # As far as it goes and no further, and back.
    held = copy.deepcopy(model.shots[dragged])
    driver.drag(distance * 10)
    model.move(dragged, distance * model.picture["width"])
    driver.check_stage("after a drag out of the picture")
    driver.press("u")
    model.shots[dragged] = held
    driver.check_stage("after that drag was undone")
    equal(page.locator("#redo").get_attribute("aria-disabled"), "false", "whether there is nothing to redo after undo")

    # A drag that Escape ends changes nothing.
    box = window.bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 28, box["y"] + 8)
    driver.press("Escape")
    page.mouse.up()
    driver.check_stage("after a drag that Escape ended")

    # By keyboard, which also ends what could be redone: a step, undone and redone; and a long step that comes to the edge.
    driver.select(nudged)
    to_left, to_right = model.room(nudged)
    key, sign = ("ArrowRight", 1) if to_right > to_left else ("ArrowLeft", -1)
    driver.press(key)
    held = copy.deepcopy(model.shots[nudged])
    model.move(nudged, sign * model.picture["width"] / 100)
    driver.check_stage(f"after {key}")
    equal(page.locator("#redo").get_attribute("aria-disabled"), "true", "whether there is nothing to redo after an edit")
    after = model.shots[nudged]
    driver.press("u")
    model.shots[nudged] = held
    driver.check_stage("after u")
    driver.check_counts("after u")
    driver.press("Control+y")
    model.shots[nudged] = after
    driver.check_stage("after Ctrl+Y")
    driver.press(f"Shift+{key}")
    model.move(nudged, sign * model.picture["width"] / 20)
    driver.check_stage(f"after Shift+{key}")
    driver.check_counts("after the keyboard")
    driver.press("c")
    driver.press("Control+z")
    driver.check_stage("after c and Ctrl+Z")

    # A mode, by its button.
    if made_static is not None:
        driver.select(made_static)
        driver.press("n")
        number = min(model.chosen(made_static) + 1, len(model.thumbnails(made_static)) - 1)
        page.click("#mode-static")
        model.make_static(made_static, number)
        driver.check_stage("after Static")
        driver.check_counts("after Static")
    is_static = model.shots[driver.current()[0]].get("mode") == "static"
    equal(page.locator("#mode-static").get_attribute("aria-pressed"), str(is_static).lower(), "the mode Static")

    # The lock, in the list; where every shot was edited, there and back.
    index = locked if locked is not None else nudged
    lock = driver.row(index).locator(".lock")
    for _ in range(1 if locked is not None else 2):
        lock.click()
        model.shots[index]["locked"] = not model.shots[index].get("locked")
        equal(lock.get_attribute("aria-pressed"), str(model.shots[index]["locked"]).lower(), "the lock")
        driver.check_counts("after the lock")

    # A shot that is reset, and gets its edits back.
    driver.select(dragged)
    kept = model.shots[dragged]
    page.click("#reset")
    model.shots[dragged] = copy.deepcopy(model.original[dragged])
    driver.check_stage("after Reset")
    driver.check_counts("after Reset")
    page.click("#undo")
    model.shots[dragged] = kept
    driver.check_stage("after Reset was undone")
    driver.check_counts("after Reset was undone")

    page.click("#filter-edited")
    equal(sorted(driver.order()), model.edited(), "the edited shots")
    page.click("#filter-all")


def check_saved(driver, path):
    text = path.read_text(encoding="utf-8")
    opened = next(value for _, name, value in exactly(driver.model.text) if name == "plan")
    check(without_shots(exactly(text)) == without_shots(opened), f"{path} differs from the plan in more than its shots")
    shots = json.loads(text)["wanted"]["shots"]
    equal(len(shots), len(driver.model.shots), f"{path}: shots")
    for index, (found, wanted) in enumerate(zip(shots, driver.model.shots)):
        if index in driver.model.edited():
            near(found, wanted, f"{path}, shot {index + 1}")
        else:
            equal(found, driver.model.original[index], f"{path}, shot {index + 1}, which was not edited")


def drive(page_file, out):
    model = Model(page_file)
    with sync_playwright() as playwright:
        program = shutil.which("chromium")
        check(program, "there is no chromium (Debian: apt-get install chromium)")
        # Root has no sandbox in a container.
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900}, accept_downloads=True)
        page.set_default_timeout(20000)
        complaints = []
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        address = page_file.resolve().as_uri()

        def requested(asked):
            if asked.url != address and not asked.url.startswith(("data:", "blob:")):
                complaints.append(f"asks for {asked.url}")

        page.on("request", requested)

        page.goto(address)
        page.wait_for_selector('body[data-state="ready"]')
        driver = Driver(page, model)
        check_shown(driver)
        check_help(driver)
        edit(driver)
        check(driver.asks_before_leaving(), "the page does not ask before edits are left unsaved")
        page.screenshot(path=out / "page.png")
        path = driver.save(out, lambda: page.click("#save"))
        check_saved(driver, path)
        check(not driver.asks_before_leaving(), "the page asks before leaving though all is saved")

        # All edits undone give the plan as it was; redone, what was saved.
        steps = 0
        while page.locator("#undo").get_attribute("aria-disabled") == "false":
            driver.press("u")
            steps += 1
            check(steps < 100, "undo does not come to an end")
        kept, model.shots = model.shots, copy.deepcopy(model.original)
        driver.check_counts("after all was undone")
        with tempfile.TemporaryDirectory() as folder:
            check_saved(driver, driver.save(Path(folder), lambda: driver.press("Control+s")))
            driver.press(*["Shift+U"] * steps)
            model.shots = kept
            driver.check_counts("after all was redone")
            again = driver.save(Path(folder), lambda: driver.press("Control+s"))
            check(again.read_bytes() == path.read_bytes(), "the plan is another one after all was undone and redone")
        browser.close()
    check(not complaints, f"the page complains: {'; '.join(complaints)}")
    print(f"{path}: shots {', '.join(str(index + 1) for index in model.edited())} of {len(model.shots)} edited")


def sample_page(folder):
    """A page of the template and the sample, as the program makes it of a plan."""
    text = TEMPLATE.read_text(encoding="utf-8")
    equal(text.count(PLACEHOLDER), 1, f"{PLACEHOLDER} in {TEMPLATE}")
    data = (HERE / "sample.json").read_text(encoding="utf-8").replace("<", "\\u003c")
    page = Path(folder) / "sample.html"
    page.write_text(text.replace(PLACEHOLDER, data), encoding="utf-8")
    return page


def main(arguments):
    if len(arguments) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    page, out = arguments[0], Path(arguments[1])
    out.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            drive(sample_page(folder) if page == "--sample" else Path(page), out)
    except (Wrong, BrowserError, OSError, ValueError) as error:
        print(f"drive.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
