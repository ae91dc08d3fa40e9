"""Drives the review page in Chromium as a person does, and checks what it shows and saves.

    scripts/with-packages.sh scripts/playwright.txt cli/tests/review/drive.py PAGE.html OUT_DIR
    scripts/with-packages.sh scripts/playwright.txt cli/tests/review/drive.py --sample OUT_DIR

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
    sys.exit("drive.py: there is no Playwright; run it by scripts/with-packages.sh")

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


def size_within(width, shape, inner):
    """A width and a height of a shape that the picture within its borders has room for."""
    width = min(width, inner["width"], inner["height"] * shape)
    return width, width / shape


def around(middle, size, inner):
    """A window of a size around a point, moved into the picture within its borders."""
    x, y = (
        min(max(at - own / 2, inner[axis]), inner[axis] + max(inner[side] - own, 0))
        for at, own, axis, side in zip(middle, size, ("x", "y"), ("width", "height"))
    )
    return {"x": x, "y": y, "width": size[0], "height": size[1]}


def middle_of(window):
    return window["x"] + window["width"] / 2, window["y"] + window["height"] / 2


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

    def layout(self, index):
        return self.shots[index].get("layout", "window")

    def fields(self, index):
        """The fields of a shot with a track each: from above to below."""
        return ["track", "lower"] if self.layout(index) == "stack" else ["track"]

    def window(self, index, number, field="track"):
        return window_at(self.shots[index][field], self.thumbnails(index)[number]["time"])

    def caption(self, index, number):
        time = self.thumbnails(index)[number]["time"]
        there = (c for c in self.shots[index].get("captions", []) if seconds(c["from"]) <= time < seconds(c["to"]))
        return next(there, None)

    def inner(self, index):
        """The picture within its borders."""
        borders = self.original[index].get("borders") or {}
        left, top, right, bottom = (borders.get(side, 0) for side in ("left", "top", "right", "bottom"))
        width, height = self.picture["width"], self.picture["height"]
        return {"x": left, "y": top, "width": width - left - right, "height": height - top - bottom}

    def room(self, index, field="track", axis="x"):
        """How far a window can go to the left and to the right, or up and down, in pixels."""
        side, inner = {"x": "width", "y": "height"}[axis], self.inner(index)
        windows = [key["window"] for key in self.shots[index][field]]
        end = inner[axis] + inner[side]
        room = min(w[axis] for w in windows) - inner[axis], end - max(w[axis] + w[side] for w in windows)
        # What rounding leaves is no room.
        return room if sum(room) > 0.5 else (0, 0)

    def move(self, index, across, field="track", down=0):
        for axis, distance in (("x", across), ("y", down)):
            back, on = self.room(index, field, axis)
            distance = min(max(distance, -back), on)
            for key in self.shots[index][field]:
                key["window"][axis] += distance
        self.shots[index]["locked"] = True

    def make_static(self, index, number):
        shot = self.shots[index]
        for field in self.fields(index):
            if len(shot[field]) > 1:
                window = dict(self.window(index, number, field))
                shot[field] = [{"time": shot["start"], "window": window, "then": "hold"}]
        shot["mode"] = "static"
        shot["locked"] = True

    def can_fit(self, index):
        inner = self.inner(index)
        return inner["width"] >= inner["height"] * self.data["shape"]

    def set_layout(self, index, layout):
        """Gives a shot a layout, the one of the plan as it was planned, and tells whether that is another one."""
        shot, planned = self.shots[index], self.original[index]
        if layout == self.layout(index):
            return False
        if layout == planned.get("layout", "window"):
            for field in ("layout", "track", "lower", "mode"):
                shot.pop(field, None)
                if field in planned:
                    shot[field] = copy.deepcopy(planned[field])
        else:
            windows = self.arranged(index, layout)
            tracks = [[{"time": shot["start"], "window": window, "then": "hold"}] for window in windows]
            shot.update(layout=layout, track=tracks[0], mode="static")
            shot.pop("lower", None)
            # A field that the plan did not have stays out of it where it is empty.
            if tracks[1:] or "lower" in planned:
                shot["lower"] = tracks[1] if tracks[1:] else []
        shot["locked"] = True
        return True

    def arranged(self, index, layout):
        """The windows of another layout, from above to below."""
        shot, inner, shape = self.shots[index], self.inner(index), self.data["shape"]
        if layout == "fit":
            return [inner]
        if layout == "window":
            return [around(middle_of(shot["track"][0]["window"]), size_within(inner["width"], shape, inner), inner)]
        seen = [middle_of(subject["box"]) for subject in (shot.get("subjects") or [])[:2]]
        if len(seen) < 2:
            seen = [(inner["x"] + inner["width"] * part, inner["y"] + inner["height"] / 2) for part in (0.25, 0.75)]
        size = size_within(inner["width"] / 2, 2 * shape, inner)
        return [around(middle, size, inner) for middle in sorted(seen, key=lambda middle: middle[0])]

    def layers(self, index, number):
        """What the vertical picture shows, the lowest first: window, rows from 0 to 1, whether it is out of focus."""
        shape, first = self.data["shape"], [self.shots[index][field][0]["window"] for field in self.fields(index)]
        windows = [self.window(index, number, field) for field in self.fields(index)]
        if self.layout(index) == "stack":
            layers = [(windows[0], (0, 0.5), False), (windows[1], (0.5, 1), False)]
        elif self.layout(index) == "fit":
            window, part = windows[0], shape * first[0]["height"] / first[0]["width"]
            width = shape * window["height"]
            behind = window | {"x": window["x"] + (window["width"] - width) / 2, "width": width}
            layers = [(behind, (0, 1), True), (window, ((1 - part) / 2, (1 + part) / 2), False)]
        else:
            layers = [(windows[0], (0, 1), False)]
        caption = self.caption(index, number)
        if not caption:
            return layers
        strip = caption["strip"]
        height = shape * strip["height"] / strip["width"]
        if self.layout(index) != "fit":
            # Below it, and where the text itself is in the picture, is what is there out of focus.
            under, (begin, end), _ = layers[-1]
            own = [
                begin + (y - first[-1]["y"]) / first[-1]["height"] * (end - begin)
                for y in (strip["y"], strip["y"] + strip["height"])
            ]
            rows = [0.8 - height, 0.8] + (own if own[0] < end and own[1] > begin else [])
            top, bottom = max(min(rows) - 0.4 * height, begin), min(max(rows) + 0.4 * height, end)
            part = under["height"] / (end - begin)
            plate = under | {"y": under["y"] + (top - begin) * part, "height": (bottom - top) * part}
            layers.append((plate, (top, bottom), True))
        return [*layers, (strip, (0.8 - height, 0.8), False)]

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


def window_of(field):
    return f'.window[data-field="{field}"]'


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

    def drawn(self, picture, part):
        """Where a part of a picture is drawn, in pixels of the film."""
        x, y, width, height = picture.evaluate(
            """(element, part) => {
                const frame = element.getBoundingClientRect();
                const window = element.querySelector(part).getBoundingClientRect();
                return [(window.left - frame.left) / frame.width, (window.top - frame.top) / frame.height,
                    window.width / frame.width, window.height / frame.height];
            }""",
            part,
        )
        across, down = self.model.picture["width"], self.model.picture["height"]
        return {"x": x * across, "y": y * down, "width": width * across, "height": height * down}

    def check_drawn(self, picture, index, number, what):
        # Browsers lay out in 64ths of a pixel.
        slack = self.model.picture["width"] / picture.bounding_box()["width"] / 16 + NEAR
        fields, caption = self.model.fields(index), self.model.caption(index, number)
        places = {window_of(field): self.model.window(index, number, field) for field in fields}
        equal(picture.locator(".window").count(), len(fields), f"{what}: windows")
        equal(picture.locator(".caption").count(), 1 if caption else 0, f"{what}: captions")
        if caption:
            places[".caption"] = caption["strip"]
        for part, wanted in places.items():
            found = self.drawn(picture, part)
            for side in wanted:
                check(
                    abs(found[side] - wanted[side]) <= slack,
                    f"{what}: {part} is drawn with {side} {found[side]:.2f}, should be {wanted[side]:.2f}",
                )

    def check_stage(self, what):
        index = self.current()[0]
        stage = self.page.locator("#stage")
        number = int(stage.get_attribute("data-thumb"))
        equal(int(stage.get_attribute("data-shot")), index, f"{what}: the shot in the large view")
        self.check_drawn(stage, index, number, f"{what}: large view of shot {index + 1}")
        labels = ["upper", "lower"] if self.model.layout(index) == "stack" else []
        equal(stage.locator(".window span").all_inner_texts(), labels, f"{what}: the labels of the windows")
        layout = self.page.locator("#choice-groups [id^=layout-][aria-pressed=true]").get_attribute("id")
        equal(layout, f"layout-{self.model.layout(index)}", f"{what}: the layout")
        self.check_crop(self.page.locator("#cropped"), index, number, f"{what}: vertical picture")

    def check_crop(self, frame, index, number, what):
        """The vertical picture shows what is in the windows, where it should, and nothing else."""
        if not self.model.thumbnails(index)[number]["image"]:
            return
        found = frame.evaluate(
            """async element => {
                const frame = element.getBoundingClientRect(), layers = [];
                for (const layer of element.children) {
                    const image = layer.querySelector('img'), shown = image.getBoundingClientRect();
                    const { left, top, width, height } = layer.getBoundingClientRect();
                    await image.decode();
                    layers.push({
                        rows: [(top - frame.top) / frame.height, (top + height - frame.top) / frame.height],
                        sides: [(left - frame.left) / frame.width, (left + width - frame.left) / frame.width],
                        part: [(left - shown.left) / shown.width, (top - shown.top) / shown.height,
                            width / shown.width, height / shown.height],
                        blurred: getComputedStyle(image).filter.includes('blur'), there: image.naturalWidth > 0,
                    });
                }
                return layers;
            }"""
        )
        wanted, film = self.model.layers(index, number), self.model.picture
        slack = 0.1 / frame.bounding_box()["width"] + 0.001
        equal(len(found), len(wanted), f"{what}: layers")
        for layer, (window, rows, blurred) in zip(found, wanted):
            check(layer["there"], f"{what} has a layer without a picture")
            equal(layer["blurred"], blurred, f"{what}: whether a layer is out of focus")
            part = [
                window["x"] / film["width"], window["y"] / film["height"],
                window["width"] / film["width"], window["height"] / film["height"],
            ]  # fmt: skip
            pairs = [*zip(layer["rows"], rows), *zip(layer["sides"], (0, 1))]
            if blurred:
                # It is larger than its place, around the same point.
                middles = ([x + width / 2, y + height / 2] for x, y, width, height in (layer["part"], part))
                pairs += zip(*middles)
            else:
                pairs += zip(layer["part"], part)
            for is_, should in pairs:
                check(abs(is_ - should) < slack, f"{what} has {layer}, should have {part} in rows {rows}")

    def check_everywhere(self, what):
        """The windows of the current shot on all its thumbnails, and all its vertical pictures."""
        self.check_stage(what)
        index = self.current()[0]
        for number in range(len(self.model.thumbnails(index))):
            name = f"{what}: thumbnail {number + 1} of shot {index + 1}"
            self.check_drawn(self.row(index).locator(".picture").nth(number), index, number, name)
            frame = self.page.locator("#crops .cropped").nth(number)
            self.check_crop(frame, index, number, f"{name}, cropped")

    def set_layout(self, index, layout, press):
        """Gives the current shot a layout, and tells how many steps of undo that is."""
        press()
        changed = self.model.set_layout(index, layout)
        self.check_everywhere(f"after the layout {layout}")
        self.check_counts(f"after the layout {layout}")
        label = "" if layout == "window" else layout
        equal(self.row(index).locator(".layout").inner_text().lower(), label, f"the layout of shot {index + 1} in the list")
        return 1 if changed else 0

    def check_counts(self, what):
        equal(self.page.locator("#edited-count").inner_text(), str(len(self.model.edited())), f"{what}: edited shots")
        locked = sum(shot.get("locked") is True for shot in self.model.shots)
        equal(self.page.locator("#locked-count").inner_text(), str(locked), f"{what}: locked shots")

    def window(self, field="track"):
        """A window of the large view."""
        return self.page.locator(f"#stage {window_of(field)}")

    def check_active(self, field, what):
        """That keys move this one of two windows."""
        windows = self.page.locator('#stage .window[aria-current="true"]')
        found = windows.evaluate_all("windows => windows.map(window => window.dataset.field)")
        equal(found, [field], f"{what}: the window that keys move")

    def drag(self, across, field="track", down=0):
        """Drags a window of the large view, and gives the distances in pixels of the film."""
        # Where it is not under the other window; where that is nowhere, it has to be the active one.
        grip = """window => {
            const box = window.getBoundingClientRect(), parts = [0.5, 0.1, 0.9, 0.3, 0.7];
            const points = parts.flatMap(x => parts.map(y => [box.left + box.width * x, box.top + box.height * y]));
            return points.find(([x, y]) => document.elementFromPoint(x, y) === window);
        }"""
        point = self.window(field).evaluate(grip)
        if not point:
            self.press("x")
            point = self.window(field).evaluate(grip)
        (x, y), mouse, stage = point, self.page.mouse, self.page.locator("#stage").bounding_box()
        mouse.move(x, y)
        mouse.down()
        for step in range(1, 5):
            mouse.move(x + across * step / 4, y + down * step / 4)
        mouse.up()
        # The page moves windows by thousandths of a pixel.
        return [round(way * self.model.picture["width"] / stage["width"] * 1000) / 1000 for way in (across, down)]

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
    layout = driver.model.layout(index)
    equal(row.locator(".layout").inner_text().lower(), "" if layout == "window" else layout, f"{what}: layout")
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
        for slider in picture.get_by_role("slider").all():
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
    window = driver.window()
    before = int(window.get_attribute("aria-valuenow"))
    model.move(dragged, driver.drag(distance)[0])
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

    stack(driver, nudged)
    fit(driver, dragged)

    page.click("#filter-edited")
    equal(sorted(driver.order()), model.edited(), "the edited shots")
    page.click("#filter-all")


def stack(driver, index):
    """Shows a shot in two windows, and moves both."""
    page, model = driver.page, driver.model
    driver.select(index)
    driver.set_layout(index, "stack", lambda: driver.press("d"))
    driver.press("d")
    check("already" in page.locator("#status").inner_text(), "d a second time does not say that it is a stack already")
    driver.check_active("track", "after d")

    # The lower one by mouse, along both axes where it has room.
    across = page.locator("#stage").bounding_box()["width"] / model.picture["width"]
    ways = []
    for axis in ("x", "y"):
        back, on = model.room(index, "lower", axis)
        ways.append(round(max(back, on) / 2 * across) * (1 if on > back else -1))
    lower, held = driver.window("lower"), copy.deepcopy(model.shots[index])
    before = lower.get_attribute("aria-valuenow")
    right, down = driver.drag(ways[0], "lower", ways[1])
    model.move(index, right, "lower", down)
    driver.check_everywhere("after a drag of the lower window")
    driver.check_active("lower", "after a drag of the lower window")
    check(lower.get_attribute("aria-valuenow") != before, "a drag of the lower window does not change its value")
    dragged = model.shots[index]
    driver.press("u")
    model.shots[index] = held
    driver.check_everywhere("after the drag of the lower window was undone")
    driver.press("Control+y")
    model.shots[index] = dragged
    driver.check_everywhere("after the drag of the lower window was redone")

    # By keys: the one that was dragged, the other one, and the one that has the focus.
    def nudge(field, what):
        driver.check_active(field, what)
        steps = model.picture["width"] / 100, model.picture["height"] / 100
        for keys, (across, down) in (
            (("ArrowLeft", "ArrowRight"), (steps[0], 0)),
            (("Alt+ArrowUp", "Alt+ArrowDown"), (0, steps[1])),
        ):
            back, on = model.room(index, field, "x" if across else "y")
            way = 1 if on > back else -1
            driver.press(keys[on > back])
            model.move(index, across * way, field, down * way)
            driver.check_stage(f"{what}, {keys[on > back]}")

    nudge("lower", "after a drag")
    driver.press("x")
    nudge("track", "after x")
    lower.focus()
    nudge("lower", "with the focus")
    driver.press("x")
    equal(page.evaluate("document.activeElement.dataset.field"), "track", "the window with the focus after x")
    page.evaluate("document.activeElement.blur()")
    driver.check_everywhere("after keys moved both windows")
    driver.check_counts("after keys moved both windows")


def fit(driver, index):
    """Shows a shot whole and in two windows, both by mouse, and leaves it as it was."""
    page, model = driver.page, driver.model
    driver.select(index)
    before = copy.deepcopy(model.shots[index])
    allowed = page.locator("#layout-fit").get_attribute("aria-disabled") == "false"
    equal(allowed, model.can_fit(index) or model.layout(index) == "fit", "whether the picture can be fitted")
    steps = driver.set_layout(index, "fit", lambda: page.click("#layout-fit")) if allowed else 0
    with tempfile.TemporaryDirectory() as folder:
        check_saved(driver, driver.save(Path(folder), lambda: driver.press("Control+s")))
    steps += driver.set_layout(index, "stack", lambda: page.click("#layout-stack"))
    # What had the focus is gone then.
    driver.window("lower").focus()
    steps += driver.set_layout(index, "window", lambda: driver.press("w"))
    equal(page.evaluate("document.activeElement.dataset.field"), "track", "the window with the focus after w")
    page.evaluate("document.activeElement.blur()")
    driver.press(*["u"] * steps)
    model.shots[index] = before
    driver.check_everywhere("after all layouts were undone")
    driver.check_counts("after all layouts were undone")


def check_saved(driver, path):
    text = path.read_text(encoding="utf-8")
    opened = next(value for _, name, value in exactly(driver.model.text) if name == "plan")
    check(without_shots(exactly(text)) == without_shots(opened), f"{path} differs from the plan in more than its shots")
    shots = json.loads(text)["wanted"]["shots"]
    equal(len(shots), len(driver.model.shots), f"{path}: shots")
    for index, (found, wanted) in enumerate(zip(shots, driver.model.shots)):
        check_rules(driver.model, found, f"{path}, shot {index + 1}")
        if index in driver.model.edited():
            near(found, wanted, f"{path}, shot {index + 1}")
        else:
            equal(found, driver.model.original[index], f"{path}, shot {index + 1}, which was not edited")


def check_rules(model, shot, where):
    """What a plan has to keep to so that it is rendered."""
    layout, lower = shot.get("layout", "window"), shot.get("lower", [])
    check(layout in ("window", "stack", "fit"), f"{where} has the layout {layout!r}")
    equal(bool(lower), layout == "stack", f"{where}: whether it has a lower window")
    for key in shot["track"] + lower:
        window = key["window"]
        for axis, side in (("x", "width"), ("y", "height")):
            inside = window[axis] >= -NEAR and window[axis] + window[side] <= model.picture[side] + NEAR
            check(inside, f"{where}: {window} sticks out of the picture")
        shape, wanted = window["width"] / window["height"], model.data["shape"]
        if layout == "fit":
            check(shape >= wanted * 0.99, f"{where}: {window} is fitted, and narrower than the renditions")
        else:
            wanted *= 2 if layout == "stack" else 1
            check(abs(shape / wanted - 1) < 0.01, f"{where}: {window} in the layout {layout} is not of the shape {wanted}")


def planned_page(page_file, model, folder):
    """The page with another plan, whose first shot was planned as two windows that move, and has a caption."""
    data = json.loads(model.text)
    shot, entry, inner = data["plan"]["wanted"]["shots"][0], data["shots"][0], model.inner(0)
    middle = (entry["start"] + entry["end"]) / 2
    size = size_within(inner["width"] / 2, 2 * data["shape"], inner)
    left, right = ((inner["x"] + inner["width"] * part, inner["y"] + inner["height"] / 2) for part in (0.25, 0.75))
    track = [{"time": shot["start"], "window": around(left, size, inner), "then": "linear"}]
    track.append({"time": f"{middle:.3f}", "window": around(right, size, inner), "then": "hold"})
    lower = [track[0] | {"window": track[1]["window"]}, track[1] | {"window": track[0]["window"]}]
    strip = inner | {"y": inner["y"] + inner["height"] * 0.8, "height": inner["height"] * 0.15}
    caption = {"from": shot["start"], "to": f"{entry['end']:.3f}", "strip": strip}
    shot.update(layout="stack", track=track, lower=lower, captions=[caption], mode="pan")
    page = Path(folder) / "planned.html"
    text = json.dumps(data).replace("<", "\\u003c")
    page.write_text(page_file.read_text(encoding="utf-8").replace(model.text, text), encoding="utf-8")
    return page


def edit_planned(driver, folder):
    """Edits the shot of `planned_page`."""
    page, model = driver.page, driver.model
    driver.select(0)
    driver.check_everywhere("two windows as planned")
    before = copy.deepcopy(model.shots[0])
    equal(page.locator("#mode-pan").get_attribute("aria-disabled"), "false", "whether Pan is not offered as planned")
    driver.press("s")
    model.make_static(0, model.chosen(0))
    driver.check_everywhere("after both windows were made static")
    steps = 1 + driver.set_layout(0, "window", lambda: driver.press("w"))
    equal(page.locator("#mode-pan").get_attribute("aria-disabled"), "true", "whether Pan is offered in another layout")
    if model.can_fit(0):
        steps += driver.set_layout(0, "fit", lambda: driver.press("f"))
    steps += driver.set_layout(0, "stack", lambda: driver.press("d"))
    equal(model.shots[0]["track"], before["track"], "the model's track after the layout that was planned")
    driver.press(*["u"] * steps)
    model.shots[0] = before
    driver.check_everywhere("after all was undone, as planned")
    driver.check_counts("after all was undone, as planned")
    check_saved(driver, driver.save(folder, lambda: driver.press("Control+s")))


def open_page(browser, page_file, complaints):
    page = browser.new_page(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    page.set_default_timeout(20000)
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    address = page_file.resolve().as_uri()

    def requested(asked):
        if asked.url != address and not asked.url.startswith(("data:", "blob:")):
            complaints.append(f"asks for {asked.url}")

    page.on("request", requested)
    page.goto(address)
    page.wait_for_selector('body[data-state="ready"]')
    return page


def drive(page_file, out):
    model = Model(page_file)
    with sync_playwright() as playwright:
        program = shutil.which("chromium")
        check(program, "there is no chromium (Debian: apt-get install chromium)")
        # Root has no sandbox in a container.
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=["--no-sandbox"])
        complaints = []
        page = open_page(browser, page_file, complaints)
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
            planned = planned_page(page_file, model, folder)
            edit_planned(Driver(open_page(browser, planned, complaints), Model(planned)), Path(folder))
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
