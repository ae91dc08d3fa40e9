"""Says what is wrong with what a page saw and heard of the film: film.py says what there was to be seen and heard."""

import array
import base64
import math
import re
import statistics

import film

# Seconds by which a beep may come early or late after the one before: far less than a frame of AAC, which is 21 ms.
EVEN = 0.005
# Seconds by which sound may be away from the player's clock: browsers hand it on in blocks, larger ones when they are busy.
NEAR = 0.09
# Seconds by which pictures may be: they wait for the next refresh of the screen.
REFRESH = 0.025
# A frame of AAC, in seconds.
AAC_FRAME = 1024 / 48000
# Samples in which a tone is looked for: a whole number of periods of each tone.
WINDOW = 480
# Windows that may be silent between two languages.
BREAK = 3
# Seconds by which a browser may show a subtitle late, and a player one of another language after it was asked for: it has to fetch.
CUE_LATE, FETCHED = 0.4, 1.0
# Amplitudes: of the tone between beeps, and of the beep.
HEARD, LOUD = 0.03, 0.3


class Sound:
    """Sound as it was recorded: from the first sample that is not silent to the last."""

    def __init__(self, recorded):
        samples = array.array("h")
        samples.frombytes(base64.b64decode(recorded["samples"]))
        self.rate = recorded["rate"]
        audible = [index for index, value in enumerate(samples) if abs(value) > 1]
        first, last = (audible[0], audible[-1]) if audible else (0, -1)
        self.samples = [value / 32767 for value in samples[first : last + 1]]
        self.start = (recorded["start"] or 0) + first / self.rate

    def seconds(self):
        return len(self.samples) / self.rate

    def beeps(self):
        """Seconds from the beginning at which beeps begin."""
        found, last = [], -self.rate
        for index, value in enumerate(self.samples):
            if abs(value) > LOUD:
                if index - last > self.rate / 4:
                    found.append(index / self.rate)
                last = index
        return found

    def languages(self):
        """The language of each window, None where it is silent."""
        found = []
        for at in range(0, len(self.samples) - WINDOW + 1, WINDOW):
            window = self.samples[at : at + WINDOW]
            strength = {name: amplitude(window, tone / self.rate) for name, tone in film.TONES.items()}
            best = max(strength, key=strength.get)
            found.append(best if strength[best] > HEARD else None)
        return found


def amplitude(samples, frequency):
    """The amplitude of a tone, in periods a sample (Goertzel's algorithm)."""
    turn = 2 * math.cos(2 * math.pi * frequency)
    one = two = 0.0
    for value in samples:
        one, two = value + turn * one - two, one
    return 2 * math.sqrt(max(one * one + two * two - turn * one * two, 0)) / len(samples)


def pictures(seen, starts):
    """Each frame once, each what it should be, and one change of the rung, where a segment begins."""
    frames = seen["frames"]
    if not frames:
        yield "no picture is shown"
        return
    numbers = [round(frame["time"] * film.RATE) for frame in frames]
    off = [frame["time"] for frame, number in zip(frames, numbers) if abs(frame["time"] * film.RATE - number) > 0.01]
    if off:
        yield f"frames at {off[:5]} s are at times of no frame"
    # A page that is late misses a frame; the browser counts what it has shown.
    ends = [(-1, frames[0]["presented"] - 1 - numbers[0]), *zip(numbers, (frame["presented"] for frame in frames))]
    for (before, shown), (number, now) in zip(ends, ends[1:]):
        if number <= before:
            yield f"frame {number} is shown after frame {before}"
        elif number - before != now - shown:
            yield f"frames {before + 1} to {number - 1} are not shown"
    if numbers[-1] != film.FRAMES - 1:
        yield f"frame {numbers[-1]} is the last one, not {film.FRAMES - 1}"
    # A page that is late reads a later picture, and none of what is encrypted, of which the last was looked at from outside.
    wrong = [(number, frame["number"]) for frame, number in zip(frames, numbers) if frame["number"] != number]
    if "last" in seen:
        if seen["last"] != film.FRAMES - 1:
            yield f"the last picture is that of frame {seen['last']}, not {film.FRAMES - 1}"
    elif len(wrong) > len(frames) / 10 or any(not 0 < read - number < 4 for number, read in wrong):
        yield f"pictures are other ones than their times say (time's, picture's): {wrong[:5]}"
    changes = [(number, frame["width"]) for number, frame, before in zip(numbers[1:], frames[1:], frames)
               if frame["width"] != before["width"]]
    if len(changes) != 1 or changes[0][1] <= frames[0]["width"]:
        yield f"the rung does not change once, to a larger one: (frame, width) {changes}"
    elif not any(0 <= changes[0][0] - start * film.RATE <= 3 for start in starts):
        yield f"the rung changes at frame {changes[0][0]}, where no segment begins"


def sounds(seen, sound, first_beep):
    """No break and no jump in the sound, and one change of language."""
    if not seen["audioBytes"] or not sound.samples:
        yield "there is no sound"
        return
    beeps = sound.beeps()
    if len(beeps) != film.SECONDS:
        yield f"{len(beeps)} beeps are heard, not {film.SECONDS}"
    else:
        steps = [beeps[0] - first_beep, *(b - a - 1 for a, b in zip(beeps, beeps[1:]))]
        jumps = {number: round(step, 4) for number, step in enumerate(steps) if abs(step) > EVEN}
        if jumps:
            yield f"beeps come late or early, in seconds after those before: {jumps}"
    if abs(sound.seconds() - film.SECONDS) > 2 * AAC_FRAME:
        yield f"sound lasts {sound.seconds():.3f} s, not {film.SECONDS}"
    heard = sound.languages()
    runs = [(language, len(list(run))) for language, run in grouped(heard[1:-2])]
    spoken = [language for language, _ in runs if language]
    silent = [(run, before) for before, (language, run) in enumerate(runs) if not language]
    if spoken != list(film.TONES):
        yield f"languages are heard in the order {spoken}"
    if sum(run for run, _ in silent) > BREAK:
        yield f"sound is silent for {[run * WINDOW / sound.rate for run, _ in silent]} s"


def grouped(values):
    run = []
    for value in values:
        if run and run[-1] != value:
            yield run[0], run
            run = []
        run.append(value)
    if run:
        yield run[0], run


def offsets(seen, sound):
    """Seconds by which sound, and pictures, come later than the clock of the player says: medians."""
    clocks = [clock for clock in seen["clocks"] if 0.5 < clock["media"] < film.SECONDS - 0.5]
    if not clocks or not sound.samples:
        return math.inf, math.inf
    from_sound = statistics.median(clock["media"] - clock["sound"] for clock in clocks)
    from_page = statistics.median(clock["media"] - clock["page"] / 1e3 for clock in clocks)
    late = []
    for beep in sound.beeps():
        at = sound.start + beep + from_sound
        late.append(at - (round(at - film.BEEP[0]) + film.BEEP[0]))
    shown = [frame["shown"] / 1e3 + from_page - frame["time"] for frame in seen["frames"]]
    return statistics.median(late or [math.inf]), statistics.median(shown or [math.inf])


def subtitles(seen, switch):
    """Each subtitle at its times, once, in the language asked for: the other one from `switch` on, in seconds."""
    expected = {film.text(language, number): (language, times)
                for language in film.SUBTITLES for number, times in enumerate(film.CUES)}
    met = {}
    for look in seen["shown"]:
        for cue in look["cues"]:
            language, (begin, end) = expected.get(cue["text"], (None, (0, 0)))
            if not language:
                yield f"a subtitle says {cue['text']!r}"
                return
            if abs(cue["begin"] - begin) > 0.002 or abs(cue["end"] - end) > 0.002:
                yield f"subtitle {cue['text']!r} is told to last from {cue['begin']} to {cue['end']} s"
            if not begin - CUE_LATE < look["time"] < end + CUE_LATE:
                yield f"subtitle {cue['text']!r} is shown at {look['time']:.3f} s"
            met.setdefault(cue["text"], []).append(look["time"])
        texts = [cue["text"] for cue in look["cues"]]
        if len(set(texts)) != len(texts):
            yield f"subtitles {texts} are shown at once at {look['time']:.3f} s"
    for text, (language, (begin, end)) in expected.items():
        first = language == film.SUBTITLES[0]
        seen_from, seen_to = (met[text][0], met[text][-1]) if text in met else (None, None)
        if (end <= switch) if first else (begin >= switch + FETCHED):
            late = seen_from is None or seen_from > begin + CUE_LATE or seen_to < end - CUE_LATE
            if late:
                yield f"subtitle {text!r} of {begin} to {end} s is shown from {seen_from} to {seen_to} s"
        elif ((begin > switch + FETCHED) if first else (end < switch)) and seen_from is not None:
            yield f"subtitle {text!r} is shown at {seen_from} s, where the others are asked for"
    twice = [cue for cue, count in seen["listed"].items() if count > 1]
    if twice:
        yield f"subtitles stand in the tracks more than once: {twice}"


def complaints(seen):
    """What players said, but for what they say of every package with two languages."""
    for kind, text in seen["console"]:
        if "Rejecting variant - not compatible with root" in text:
            # Shaka: a rung in one language is not adapted to one in another.
            continue
        buffered = re.search(r"Unexpected buffered range .* end: ([\d.]+)\} but got .* end: ([\d.]+)\}", text)
        if buffered and abs(float(buffered[1]) - float(buffered[2])) < 2e-3:
            # Shaka: of a segment of the other language only what comes after the sound that is kept is taken.
            continue
        yield f"{kind}: {text}"


def judge(seen, starts, switch, own_hls):
    """Gives what is wrong, whether that may be so because the machine is busy, and a line of figures.

    `starts`: seconds at which segments begin; `switch`: seconds at which the other subtitles are asked for; `own_hls`: of Chromium.
    """
    wrong = [*filter(None, [seen["problem"]]), *seen["faults"], *complaints(seen)]
    sound = Sound(seen["sound"])
    late, shown = offsets(seen, sound)
    # Chromium's own HLS plays what only warms the decoder up, a frame, and has all sound as much later.
    warming = AAC_FRAME if own_hls else 0
    wrong += pictures(seen, starts)
    wrong += sounds(seen, sound, film.BEEP[0] + warming)
    told = list(subtitles(seen, switch))
    if not own_hls:
        wrong += told
    elif seen["listed"]:
        # Then they can be judged as in the other players.
        wrong.append("Chromium's own HLS reads subtitles now, which it did not")
    if abs((seen["duration"] or 0) - film.SECONDS - warming) > 0.002:
        wrong.append(f"the film lasts {seen['duration']} s, not {film.SECONDS}")
    off_clock = abs(late) > NEAR + warming or abs(shown) > REFRESH
    if off_clock:
        wrong.append(f"sound is {late:.3f} s and pictures are {shown:.3f} s late")
    figures = f"{len(seen['frames'])} frames, sound {1e3 * late:+.0f} ms and pictures {1e3 * shown:+.0f} ms after the clock"
    figures += f", {len({cue['text'] for look in seen['shown'] for cue in look['cues']})} subtitles"
    return wrong, seen["dropped"] > 0 or off_clock or bool(told) and not own_hls, figures
