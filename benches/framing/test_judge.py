#!/usr/bin/env python3
"""Shows that the judge finds what is there, and that it fails what it should.

    benches/framing/test_judge.py

With FRAMING_MODELS, the folder of the models, and FRAMING_FOOTAGE it looks at real people as well.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

import cuts
import film as films
import judge
import numpy as np
import scenes
import table

MODELS = os.environ.get("FRAMING_MODELS")
FOOTAGE = os.environ.get("FRAMING_FOOTAGE", films.FOOTAGE)


def ffmpeg(*words):
    films.run("ffmpeg", "-nostdin", "-v", "error", "-y", *words)


def crop(source, target, across, down, x, y=0, rate=24):
    ffmpeg("-i", source, "-vf", f"crop={across}:{down}:{x}:{y},scale=360:640,setsar=1", "-an",
           "-fps_mode", "passthrough", "-c:v", "libx264", "-preset", "ultrafast", "-crf", rate, target)


def write(path, frames, rate=25):
    tall, wide = frames[0].shape[:2]
    command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{wide}x{tall}", "-r",
               str(rate), "-i", "-", "-c:v", "libx264", "-qp", "0", "-preset", "ultrafast", "-pix_fmt", "yuv420p", path]
    subprocess.run(command, input=np.stack(frames).astype(np.uint8).tobytes(), check=True)


def textured(wide, tall, seed):
    """A picture with detail of every size, so that each place of it is like no other."""
    random = np.random.default_rng(seed)
    picture = np.zeros((tall, wide, 3))
    for size in (15, 40, 90):
        cells = random.integers(0, 256, (tall // size + 1, wide // size + 1, 3))
        picture += np.kron(cells, np.ones((size, size, 1)))[:tall, :wide]
    return picture / 3


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def at(self, name):
        return os.path.join(self.folder, name)

    def found(self, source, rendition, within=(0.0, 0.0, 1.0, 1.0), shots=()):
        return judge.windows(films.Film(source), rendition, within, list(shots))

    def assert_window(self, one, window, within=0.01):
        self.assertIsNotNone(one)
        self.assertGreater(one[0], 0.9)
        for got, want in zip(one[2], window):
            self.assertLess(abs(got - want), within, f"{one} is not {window}")


class Matching(Folder):
    def setUp(self):
        super().setUp()
        self.source = self.at("source.mp4")
        self.pictures = [np.roll(textured(640, 360, 1), 2 * number, 1) for number in range(20)]
        write(self.source, self.pictures)

    def test_a_known_window_is_found(self):
        for x, across, down, y in ((0, 202, 360, 0), (137, 202, 360, 0), (438, 202, 360, 0), (301, 184, 328, 10)):
            crop(self.source, self.at("crop.mp4"), across, down, x, y)
            for one in self.found(self.source, self.at("crop.mp4")):
                self.assert_window(one, (x / 640, y / 360, (x + across) / 640, (y + down) / 360))

    def test_a_moving_window_is_followed_and_its_speed_told(self):
        crop(self.source, self.at("crop.mp4"), 202, 360, "100+3*n")
        found = self.found(self.source, self.at("crop.mp4"))
        for number, one in enumerate(found):
            self.assert_window(one, ((100 + 3 * number) / 640, 0, (302 + 3 * number) / 640, 1))
        told = judge.movement(found, [])
        self.assertEqual(told["jumps"], [])
        self.assertAlmostEqual(told["fastest_pan"], 3 / 640, delta=0.0008)

    def test_a_jump_is_one_only_where_the_source_is_not_cut(self):
        crop(self.source, self.at("crop.mp4"), 202, 360, "if(lt(n\\,9)\\,50\\,300)")
        found = self.found(self.source, self.at("crop.mp4"))
        self.assertEqual(judge.movement(found, [])["jumps"], [9])
        found = self.found(self.source, self.at("crop.mp4"), shots=[9])
        self.assertEqual(judge.movement(found, [9])["jumps"], [])
        self.assert_window(found[9], (300 / 640, 0, 502 / 640, 1))

    def test_bars_are_left_out_of_the_window(self):
        bars = [np.pad(picture, ((60, 60), (0, 0), (0, 0))) for picture in self.pictures]
        write(self.at("bars.mp4"), bars)
        within = films.picture_within_bars(films.Film(self.at("bars.mp4")))
        self.assertAlmostEqual(within[1], 60 / 480, delta=0.006)
        self.assertAlmostEqual(within[3], 420 / 480, delta=0.006)
        crop(self.at("bars.mp4"), self.at("crop.mp4"), 202, 360, 222, 60)
        for one in self.found(self.at("bars.mp4"), self.at("crop.mp4"), within):
            self.assert_window(one, (222 / 640, 60 / 480, 424 / 640, 420 / 480))

    def test_a_whole_picture_between_bars_is_told_from_a_crop(self):
        ffmpeg("-i", self.source, "-vf", "scale=360:202,pad=360:640:0:219", "-qp", "0", self.at("fit.mp4"))
        self.assertEqual({one[1] for one in self.found(self.source, self.at("fit.mp4"))}, {"fit"})

    def test_another_film_is_refused(self):
        write(self.at("other.mp4"), [textured(360, 640, 2)] * 20)
        scores = [one[0] for one in self.found(self.source, self.at("other.mp4"))]
        self.assertLess(max(scores), judge.POOR)

    def test_frames_that_are_left_out_do_not_shift_the_others(self):
        crop(self.source, self.at("crop.mp4"), 202, 360, "100+3*n")
        ffmpeg("-i", self.at("crop.mp4"), "-vf", "select=not(eq(n\\,5))", "-fps_mode", "passthrough", "-qp", "0",
               self.at("less.mp4"))
        found = self.found(self.source, self.at("less.mp4"))
        self.assert_window(found[15], (145 / 640, 0, 347 / 640, 1))


class Rules(unittest.TestCase):
    WINDOW = [0.4, 0.0, 0.7, 1.0]

    def test_inside_is_wholly_inside(self):
        self.assertTrue(judge.is_inside([0.45, 0.1, 0.6, 0.5], self.WINDOW))
        self.assertTrue(judge.is_inside([0.395, 0.1, 0.6, 0.5], self.WINDOW))
        self.assertFalse(judge.is_inside([0.38, 0.1, 0.6, 0.5], self.WINDOW))
        self.assertFalse(judge.is_inside([0.6, 0.1, 0.72, 0.5], self.WINDOW))
        self.assertFalse(judge.is_inside([0.45, 0.1, 0.6, 0.5], [0.4, 0.2, 0.7, 1.0]))

    def test_one_wider_than_the_window_has_to_fill_it(self):
        self.assertTrue(judge.is_inside([0.3, 0.1, 0.8, 1.0], self.WINDOW))
        self.assertFalse(judge.is_inside([0.5, 0.1, 0.9, 1.0], self.WINDOW))

    def test_a_detection_of_one_sample_needs_a_high_score(self):
        box = [0.4, 0.2, 0.5, 0.4]
        none, weak, strong = [], [[*box, 0.6]], [[*box, 0.9]]
        for faces, shots, there in (
            ([none, weak, none], [0, 0, 0], [0, 0, 0]),
            ([none, strong, none], [0, 0, 0], [0, 1, 0]),
            ([none, weak, weak], [0, 0, 0], [0, 1, 1]),
            # A cut between two samples lets neither confirm the other.
            ([none, weak, weak], [0, 0, 1], [0, 0, 0]),
            ([[[0.1, 0.2, 0.2, 0.4, 0.6]], weak, none], [0, 0, 0], [0, 0, 0]),
        ):
            found = {"frames": [0, 6, 12], "faces": faces, "persons": [[], [], []]}
            self.assertEqual([len(everyone) for everyone in judge.subjects(found, shots)], there)

    def test_a_face_wins_over_a_person_and_a_small_one_does_not_count(self):
        face, tiny, person = [0.1, 0.2, 0.14, 0.28, 0.9], [0.1, 0.2, 0.11, 0.23, 0.9], [0.5, 0.1, 0.8, 1.0, 0.9]

        def chosen(faces):
            found = {"frames": [0], "faces": [faces], "persons": [[person]]}
            return [one["kind"] for one in judge.main_ones(judge.subjects(found, [0])[0])]

        self.assertEqual(chosen([face]), ["face"])
        self.assertEqual(chosen([tiny]), ["person"])

    def test_either_of_two_may_be_held_but_not_a_lesser_one(self):
        def good(faces, window):
            found = {"frames": [0], "faces": [faces], "persons": [[]]}
            everyone = judge.subjects(found, [0])[0]
            sample = {"main": judge.main_ones(everyone), "everyone": everyone}
            return judge.figures([sample], [window])[0]["inside"]

        left, right, lesser = [0.1, 0.3, 0.2, 0.5, 0.9], [0.6, 0.3, 0.7, 0.5, 0.9], [0.6, 0.3, 0.65, 0.4, 0.9]
        self.assertEqual(good([left, right], [0.0, 0, 0.3, 1]), 1)
        self.assertEqual(good([left, right], [0.5, 0, 0.8, 1]), 1)
        self.assertEqual(good([left, right], [0.25, 0, 0.55, 1]), 0)
        self.assertEqual(good([left, lesser], [0.5, 0, 0.8, 1]), 0)

    def test_a_sample_is_empty_if_nobody_is_half_inside(self):
        one = {"kind": "person", "box": [0.1, 0.1, 0.3, 1.0], "weight": 1}
        sample = {"main": [one], "everyone": [one]}
        for left, empty in ((0.0, 0), (0.19, 0), (0.21, 1), (0.6, 1)):
            self.assertEqual(judge.figures([sample], [[left, 0, left + 0.3, 1]])[0]["empty"], empty)

    def test_the_best_static_window_is_the_best(self):
        def sample(left):
            one = {"kind": "face", "box": [left, 0.2, left + 0.1, 0.5], "weight": 1}
            return {"main": [one], "everyone": [one]}

        samples = [sample(0.05)] * 3 + [sample(0.8)] * 5
        candidates = [[left / 100, 0, left / 100 + 0.3, 1] for left in range(0, 71)]
        best = judge.best_static(samples, candidates)
        self.assertEqual(judge.figures(samples, [best] * 8)[0], {"inside": 0.625, "empty": 0.375})

    def test_hand_labels_put_the_detectors_right(self):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("a.mp4 10 face one .1 .2 .2 .4  # a word\na.mp4 20 face one .3 .2 .4 .4\n"
                       "a.mp4 0-30 ignore .5 0 1 1\na.mp4 40-50 skip\nb.mp4 0-99 skip\n")
            file.flush()
            hand = films.Hand("a.mp4", file.name)
        self.assertEqual([hand.is_skipped(frame) for frame in (39, 40, 50, 51)], [False, True, True, False])
        found = {"frames": [5, 15], "persons": [[], []],
                 "faces": [[[0.6, 0.2, 0.7, 0.4, 0.9], [0.1, 0.2, 0.2, 0.4, 0.8]], [[0.21, 0.2, 0.31, 0.4, 0.7]]]}
        right = judge.put_right(found, hand)["faces"]
        self.assertEqual(right[0], [[0.1, 0.2, 0.2, 0.4, 0.8]])
        self.assertEqual(np.round(right[1], 3).tolist(), [[0.2, 0.2, 0.3, 0.4, 1.0]])


class Cuts(Folder):
    def test_one_frame_beside_a_cut_is_no_hit(self):
        truth = [[20, 20, "cut"], [50, 50, "cut"]]
        self.assertEqual(cuts.summed([cuts.score([20, 50], truth)])["f1"], 1)
        self.assertEqual(cuts.summed([cuts.score([21, 49], truth)])["f1"], 0)
        self.assertEqual(cuts.summed([cuts.score([20], truth)])["recall"], 0.5)
        self.assertEqual(cuts.summed([cuts.score([20, 30, 50, 60], truth)])["precision"], 0.5)

    def test_a_dissolve_is_found_once(self):
        truth = [[20, 40, "dissolve"], [44, 44, "cut"]]
        known = (([30, 44], 2, 0), ([18, 44], 2, 0), ([17, 44], 1, 1), ([25, 35, 44], 2, 1), ([42, 44], 2, 0))
        for found, hits, false in known:
            told = cuts.score(found, truth)
            self.assertEqual((told["hits"], len(told["false"])), (hits, false), found)

    def test_where_either_is_right_nothing_counts(self):
        self.assertEqual(cuts.summed([cuts.score([100, 105], [[100, 110, "any"]])])["f1"], 1)
        self.assertEqual(cuts.score([200], [[100, 110, "any"]])["false"], [200])

    def test_a_sequence_is_cut_where_its_truth_says(self):
        path, truth = cuts.made("synthetic", self.folder, None)
        self.assertEqual(len(truth), 9)
        self.assertEqual(cuts.summed([cuts.score(cuts.simple(path), truth)])["f1"], 1)

    def test_times_of_a_plan_are_the_frames_they_name(self):
        path = self.at("film.mp4")
        write(path, [textured(64, 36, 1)] * 40, rate="30000/1001")
        plan = {"wanted": {"shots": [{"start": "0"}, {"start": "1001/3000"}, {"start": "0.7007"}]}}
        with open(self.at("plan.py"), "w") as file:
            file.write(f"print({json.dumps(plan)!r})")
        self.assertEqual(cuts.reported(f"{sys.executable} {self.at('plan.py')} {{input}}", path), [10, 21])

    def test_labels_are_in_order_and_of_known_kinds(self):
        for clip, known in films.labels().items():
            self.assertEqual(known, sorted(known), clip)
            for first, last, kind in known:
                self.assertLessEqual(first, last)
                self.assertIn(kind, ("cut", "dissolve", "fade", "any"))
                self.assertTrue(first == last or kind != "cut")


def key(time, x, then="hold", width=405):
    return {"time": time, "window": {"x": x, "y": 0, "width": width, "height": 720}, "then": then}


def plan(*tracks, starts=("0",), **of_shots):
    """A plan of shots with these tracks, and whatever else each of them has."""
    shots = [{"start": start, "track": list(track), "lower": [], "layout": "window", "mode": "static", "captions": [],
              "subjects": [], **of_shots} for start, track in zip(starts, tracks)]
    return {"wanted": {"shots": shots}}


class Scenes(unittest.TestCase):
    # A face at the left third for two seconds, and windows upon it and beside it.
    FACE = [0.25, 0.2, 0.4, 0.6]
    TRUTH = {"frames": 50, "cuts": [], "people": {"face": [FACE] * 50}}
    ON, BESIDE = (key("0", 200),), (key("0", 700),)

    def test_windows_hold_go_and_ease_between_keys(self):
        track = [key("1", 100, "linear"), key("2", 300, "ease"), key("3", 1300), key("4", 0, "linear")]
        for time, x in (("0", 100), ("1", 100), ("3/2", 200), ("2", 300), ("9/4", 456.25), ("5/2", 800), ("3", 1300),
                        ("39/10", 1300), ("4", 0), ("9", 0)):
            self.assertAlmostEqual(scenes.window_at(track, scenes.Fraction(time))["x"], x, msg=time)

    def test_each_shot_has_its_own_window(self):
        views = scenes.windows(plan(self.ON, (key("1", 700),), starts=("0", "1")), 50)
        self.assertEqual([round(view[0] * 1280) for view in views], [200] * 10 + [700] * 10)

    def test_a_face_is_held_only_by_a_window_upon_it(self):
        self.assertEqual(scenes.face_rule(plan(self.ON), self.TRUTH), ("held 100.0%", True))
        self.assertEqual(scenes.face_rule(plan(self.BESIDE), self.TRUTH), ("held 0.0%", False))
        # Two samples of twenty are more than one in twenty.
        late = plan((key("0", 700), key("1/5", 200)))
        self.assertEqual(scenes.face_rule(late, self.TRUTH), ("held 90.0%", False))
        self.assertFalse(scenes.face_rule(plan((key("0", 340),)), self.TRUTH)[1])

    def test_nobody_is_held_where_nobody_is_known(self):
        self.assertEqual(scenes.held([None, None], [[0, 0, 1, 1]] * 2), 0)

    def test_a_cut_one_frame_late_or_too_many_breaks_the_rule(self):
        truth = self.TRUTH | {"cuts": [25]}
        for starts, good in ((("0", "1"), True), (("0", "26/25"), False), (("0",), False), (("0", "1/2", "1"), False)):
            tracks = [(key(start, 200),) for start in starts]
            self.assertEqual(scenes.shots_rule(plan(*tracks, starts=starts), truth)[1], good, starts)
        self.assertFalse(scenes.shots_rule(plan(self.ON, (key("1", 700),), starts=("0", "1")), truth)[1])

    def test_a_pan_leaves_a_second_to_find_the_other(self):
        right = [0.65, 0.2, 0.8, 0.6]
        truth = {"frames": 100, "pan": [1, 1.2], "people": {"first": [self.FACE] * 25 + [None] * 75,
                                                            "second": [None] * 30 + [right] * 70}}
        for track, good in (((key("0", 200), key("2", 750)), True), ((key("0", 200), key("11/4", 750)), False),
                            ((key("0", 750),), False), ((key("0", 200),), False)):
            self.assertEqual(scenes.pan_rule(plan(track), truth)[1], good)
        cut = plan(self.ON, (key("1", 750),), starts=("0", "1"))
        self.assertFalse(scenes.pan_rule(cut, truth)[1])

    def test_a_body_has_to_be_held_by_a_window_that_rests(self):
        truth = {"frames": 50, "people": {"body": [None] * 10 + [self.FACE] * 30 + [None] * 10}}
        self.assertTrue(scenes.entering_rule(plan(self.ON), truth)[1])
        self.assertFalse(scenes.entering_rule(plan(self.BESIDE), truth)[1])
        restless = plan((key("0", 180, "linear"), key("2", 240)))
        self.assertEqual(scenes.entering_rule(restless, truth), ("held 100.0%; at rest 0.0%", False))

    def test_a_window_that_goes_with_the_one_who_passes_is_wrong(self):
        truth = self.TRUTH | {"passing": [0.8, 1.2]}
        self.assertTrue(scenes.occlusion_rule(plan(self.ON), truth)[1])
        away = plan((key("0", 200), key("9/10", 260), key("11/10", 200)))
        figure, good = scenes.occlusion_rule(away, truth)
        self.assertFalse(good)
        self.assertIn("moved 4.7%", figure)
        self.assertFalse(scenes.occlusion_rule(plan(self.BESIDE), truth)[1])

    def test_one_of_several_suffices_but_none_does_not(self):
        truth = {"frames": 50, "people": {"left": [self.FACE] * 50, "right": [[0.6, 0.2, 0.8, 0.9]] * 50}}
        for x, good in ((200, True), (700, True), (430, False)):
            self.assertEqual(scenes.anyone_rule(plan((key("0", x),)), truth)[1], good, x)
        self.assertTrue(scenes.crowd_rule(plan(self.ON), truth)[1])
        self.assertFalse(scenes.crowd_rule(plan(self.ON, mode="track"), truth)[1])

    def test_a_window_that_shows_a_bar_is_wrong(self):
        inside = {"time": "0", "window": {"x": 240, "y": 92, "width": 301.5, "height": 536}, "then": "hold"}
        self.assertTrue(scenes.letterbox_rule(plan((inside,)), self.TRUTH)[1])
        self.assertEqual(scenes.letterbox_rule(plan(self.ON), self.TRUTH),
                         ("0.0% of the windows within the bars; held 100.0%", False))

    def test_lines_have_to_be_found_in_time_and_covered(self):
        box, wide, short = [0.3, 0.85, 0.7, 0.9], (0.28, 0.8, 0.72, 0.95), (0.28, 0.8, 0.65, 0.95)
        truth = [[1, 2, box], [3, 4, box]]
        both = [(1, 2, wide), (3, 4, wide)]
        for found, faults in ((both, (0, 0, 0)), ([(1.08, 1.92, wide), both[1]], (0, 0, 0)),
                              ([(1.12, 2, wide), both[1]], (1, 1, 0)), (both[:1], (1, 0, 0)),
                              ([*both, (5, 6, wide)], (0, 1, 0)), ([(1, 2, short), both[1]], (0, 0, 1))):
            self.assertEqual(tuple(scenes.caption_faults(found, truth).values()), faults, found)

    def test_a_picture_without_people_stands_and_says_so(self):
        self.assertTrue(scenes.nobody_rule(plan(self.ON), self.TRUTH)[1])
        self.assertFalse(scenes.nobody_rule(plan(self.ON, mode="pan"), self.TRUTH)[1])
        self.assertFalse(scenes.nobody_rule(plan(self.ON, subjects=[{}]), self.TRUTH)[1])
        self.assertFalse(scenes.nobody_rule(plan((key("0", 200, "linear"), key("2", 240))), self.TRUTH)[1])

    def test_each_of_two_has_to_be_in_a_half_of_their_own(self):
        truth = {"frames": 50, "people": {"left": [self.FACE] * 50, "right": [[0.7, 0.2, 0.8, 0.6]] * 50}}
        on, other = self.ON, (key("0", 760),)
        for upper, lower, good in ((on, other, True), (other, on, True), (on, on, False), (other, other, False)):
            self.assertEqual(scenes.stack_rule(plan(upper, layout="stack", lower=list(lower)), truth)[1], good)
        # They may not change places in the middle.
        upper, lower = (key("0", 200), key("1", 760)), [key("0", 760), key("1", 200)]
        self.assertFalse(scenes.stack_rule(plan(upper, layout="stack", lower=lower), truth)[1])
        self.assertFalse(scenes.stack_rule(plan(on), truth)[1])
        self.assertFalse(scenes.fit_rule(plan(on), truth)[1])
        self.assertTrue(scenes.fit_rule(plan(on, layout="fit"), truth)[1])

    def test_a_mirror_image_is_told_from_another_window(self):
        view, image = [0.1, 0, 0.4, 1], [0.6, 0, 0.9, 1]
        for median, most, pair in ((0, 0, ([view] * 3, [image] * 3)), (0.5, 0.5, ([view] * 3, [view] * 3)),
                                   (0, 0.5, ([view] * 3, [image, image, view]))):
            for got, want in zip(scenes.apart(*pair), (median, most)):
                self.assertAlmostEqual(got, want)

    def test_boxes_follow_the_part_of_a_clip_that_is_shown(self):
        whole = scenes.Excerpt("", scenes.ROOM, [450])
        part = scenes.Excerpt("", scenes.ROOM, [450], (0, 180, 640, 360))
        mirror = scenes.Excerpt("", scenes.ROOM, [450], (0, 180, 640, 360), flip=True)
        box, = whole.places("face", "seated")
        want = [2 * box[0], 2 * box[1] - 0.5, 2 * box[2], 2 * box[3] - 0.5]
        np.testing.assert_allclose(part.places("face", "seated")[0], want)
        np.testing.assert_allclose(mirror.places("face", "seated")[0], [1 - want[2], want[1], 1 - want[0], want[3]])
        # Laid into the scene at half of its size, in the middle.
        np.testing.assert_allclose(scenes.shifted([[0, 0, 1, 1]], (640, 360), 320, 180), [[0.25, 0.25, 0.75, 0.75]])


@unittest.skipUnless(MODELS and os.path.isdir(FOOTAGE), "without models or footage")
class People(Folder):
    @classmethod
    def setUpClass(cls):
        cls.found = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.found.cleanup)

    def judged(self, clip, *window):
        source = os.path.join(FOOTAGE, clip)
        crop(source, self.at("crop.mp4"), *window)
        return judge.judge(source, [self.at("crop.mp4")], MODELS, self.found.name)[0]

    def test_a_window_on_the_face_is_good_and_one_beside_it_is_not(self):
        told = self.judged("vfr-cut-to-face.mov", 304, 540, 300)
        self.assertEqual((told["renditions"][0]["inside"], told["renditions"][0]["empty"]), (1, 0))
        told = self.judged("vfr-cut-to-face.mov", 304, 540, 656)
        self.assertEqual((told["renditions"][0]["inside"], told["renditions"][0]["empty"]), (0, 1))

    def test_static_windows_are_as_good_as_the_best_rendition_of_one(self):
        told = self.judged("stage-cuts.mp4", 202, 360, 100)
        static = told["static_windows"]
        self.assertLess(told["renditions"][0]["inside"], static["static_by_shot"]["inside"])
        self.assertLessEqual(static["centre"]["inside"], static["static"]["inside"])
        self.assertLessEqual(static["static"]["inside"], static["static_by_shot"]["inside"])

    def test_a_rendition_of_another_film_fails_loudly(self):
        crop(os.path.join(FOOTAGE, "stage-cuts.mp4"), self.at("crop.mp4"), 202, 360, 100)
        with self.assertRaises(RuntimeError):
            judge.judge(os.path.join(FOOTAGE, "vfr-cut-to-face.mov"), [self.at("crop.mp4")], MODELS, self.found.name)


class Tables(unittest.TestCase):
    def test_percent(self):
        self.assertEqual(table.percent(0.9346), "93.5")
        self.assertEqual(table.percent(None), "-")


if __name__ == "__main__":
    unittest.main()
