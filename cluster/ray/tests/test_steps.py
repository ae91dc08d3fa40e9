"""Steps and the command, with programs that only play `upright`: no Ray."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from helpers import is_running, script, wait_until
from upright_ray import command, files, program, steps, summary
from upright_ray.schedule import Schedule
from upright_ray.titles import Title, as_arguments


def test_options_of_a_manifest_become_arguments():
    options = {"crop": "-1", "encoder-options": ["a=1", "b=2"], "one": True, "other": [], "no": False}
    assert as_arguments(options) == ["--crop=-1", "--encoder-options=a=1", "--encoder-options=b=2", "--one", "--other"]


def test_how_a_program_ended_is_told_by_its_last_line_its_errors_or_its_signal(tmp_path):
    failed = """echo 1 >&2; echo '{"event":"failed","exit":65,"message":"no video"}'; exit 65"""
    assert program.run([script(tmp_path / "a", failed)]).message == "no video"
    long = program.run([script(tmp_path / "b", "seq 1 99 >&2; exit 74")])
    assert (long.exit, long.message) == (74, "95\n96\n97\n98\n99")
    killed = program.run([script(tmp_path / "c", "kill -KILL $$")])
    assert (killed.exit, killed.message) == (-9, "was ended by SIGKILL")
    done = program.run([script(tmp_path / "d", """echo '{"event":"progress"}'; echo '{"event":"done","frames":24}'""")])
    assert (done.exit, done.last) == (0, {"event": "done", "frames": 24})
    missing = program.run([str(tmp_path / "missing")])
    assert steps.Result(missing.exit).may_pass and "missing" in missing.message


def test_a_program_ends_with_the_worker_that_began_it(tmp_path):
    begun = tmp_path / "begun"
    sleeper = script(tmp_path / "sleeper", f"echo $$ > {begun}.draft; mv {begun}.draft {begun}; exec sleep 60")
    worker = subprocess.Popen([sys.executable, "-c", f"from upright_ray import program; program.run([{sleeper!r}])"])
    wait_until(begun.exists)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    wait_until(lambda: not is_running(int(begun.read_text())))


PLAN = {
    "version": 3,
    "found": {"bytes": 4},
    "wanted": {"segments": {"list": [{}, {}]}},
    "follows": {"frames": 48},
}


@pytest.fixture
def published(tmp_path):
    """A title with plan and renditions, and an `upright` that says that they exist."""
    film = tmp_path / "film.mp4"
    film.write_text("film")
    title = Title(str(film), "s1/film")
    exists = script(tmp_path / "upright", "echo exists >&2; exit 73")
    job = steps.Job(exists, str(tmp_path / "out"), str(tmp_path / "store"), str(tmp_path / "work"))
    files.write(title.plan_place(job.work), json.dumps(PLAN).encode())
    files.write(f"{job.out}/s1/film/9x16.mp4", b"12345")
    report = {"plan": {**PLAN, "follows": {}}, "renditions": [{"file": "9x16.mp4", "bytes": 5}]}
    files.write(f"{job.out}/s1/film/report.json", json.dumps(report).encode())
    return job, title


def test_what_was_published_is_known_by_its_report(published):
    job, title = published
    assert steps.do(job, title, steps.PLAN, None).was_there
    result = steps.do(job, title, steps.RENDER, 2)
    assert (result.exit, result.was_there) == (0, True)


@pytest.mark.parametrize("harm", ["other plan", "short", "missing", "no report", "report cut short"])
def test_what_another_plan_or_nobody_published_is_not(published, harm):
    job, title = published
    folder = f"{job.out}/s1/film"
    if harm == "other plan":
        files.write(title.plan_place(job.work), json.dumps({**PLAN, "wanted": {"segments": {"list": [{}]}}}).encode())
    elif harm == "short":
        files.write(f"{folder}/9x16.mp4", b"1234")
    elif harm == "missing":
        os.remove(f"{folder}/9x16.mp4")
    elif harm == "no report":
        os.remove(f"{folder}/report.json")
    else:
        files.write(f"{folder}/report.json", b'{"plan":')
    assert not steps.do(job, title, steps.PLAN, None).was_there
    result = steps.do(job, title, steps.RENDER, 2)
    assert (result.exit, result.message, result.was_there) == (73, "exists", False)


def test_a_plan_is_made_where_there_is_none_or_one_of_another_film(published):
    job, title = published
    result = steps.do(job, title, steps.PLAN, None)
    assert (result.exit, result.segments, result.frames) == (0, 2, 48)
    with open(title.input, "w") as film:
        film.write("another film")
    assert steps.do(job, title, steps.PLAN, None).message == "exists"  # `upright` was asked
    os.remove(title.plan_place(job.work))
    assert steps.do(job, title, steps.PLAN, None).message == "exists"


def test_other_options_are_another_plan():
    places = {Title("/f.mp4", "f", options).plan_place("s3://work") for options in ({}, {"speed": "3"}, {"speed": "4"})}
    assert len(places) == 3
    assert all(place.startswith("s3://work/f.") for place in places)


def test_a_segment_that_was_there_has_no_frames(tmp_path):
    title = Title("/film.mp4", "film")
    for line, was_there in [('{"frames":24}', False), ('{"frames":null}', True)]:
        job = steps.Job(script(tmp_path / "upright", f"echo '{line}'"), "out", "store", "work")
        assert steps.do(job, title, steps.SEGMENT, 0).was_there is was_there


def test_files_at_urls_are_read_with_fsspec():
    pytest.importorskip("fsspec")
    place = files.join("memory://bucket/", "a/plan.json")
    assert (files.read(place), files.size(place)) == (None, None)
    files.write(place, b"plan")
    assert (files.read(place), files.size(place)) == (b"plan", 4)
    assert files.absolute("s3://bucket/out") == "s3://bucket/out"


def test_options_of_the_machine_go_to_the_steps_that_know_them():
    parsed = command.parse(
        ["film.mp4", "-o", "out", "--store", "s", "--", "--device", "cpu", "--strict", "--memory=2G", "--speed", "3"]
    )
    assert parsed.machine_options == {
        "plan": ["--device=cpu"], "segment": ["--device=cpu", "--memory=2G"],
        "render": ["--device=cpu", "--memory=2G", "--strict"],
    }


@pytest.mark.parametrize("arguments", [
    ["film.mp4"], ["-o", "out", "--store", "s"], ["film.mp4", "-o", "out", "--store", "s", "--retry", "-1"],
    ["film.mp4", "-o", "out", "--store", "s", "--", "--watch"], ["film.mp4", "-o", "out", "--store", "s", "--speed", "3"],
])
def test_wrong_arguments_end_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_what_upright_refuses_is_refused_with_its_words(tmp_path, capsys):
    refuses = script(tmp_path / "upright", "echo 'upright: unexpected argument' >&2; exit 2")
    assert command.main(["film.mp4", "-o", str(tmp_path / "out"), "--store", "s", "--binary", refuses, "--", "--sped"]) == 2
    assert "unexpected argument" in capsys.readouterr().err


def test_a_cluster_that_is_not_there_is_said_to_be_missing(tmp_path, capsys):
    finds_none = script(tmp_path / "upright", "echo '{\"version\":1,\"titles\":[]}'")
    out = tmp_path / "out"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    address = ["--address", f"127.0.0.1:{port}"]
    assert command.main(["film.mp4", "-o", str(out), "--store", "s", "--binary", finds_none, *address]) == 69
    assert "no such cluster" in capsys.readouterr().err
    assert not out.exists()


def test_a_summary_of_many_titles_lists_those_that_are_not_there():
    found = [Title(f"/{number}.mp4", f"t{number}") for number in range(summary.ROWS + 1)]
    schedule = Schedule(found, retries=0)
    for _ in range(summary.ROWS):
        schedule.ended(schedule.next(1), steps.Result(was_there=True))
    schedule.ended(schedule.next(1), steps.Result(65, "no video"))
    assert schedule.next(1) is None
    made = summary.make(schedule, found, "1.0", 2.0)
    assert made["ended"]
    lines = summary.table(made).splitlines()
    assert len(lines) == 2
    assert lines[0].split() == ["t50", "failed", "no", "video"]
    assert lines[1].startswith("0 converted, 50 there already, 1 failed")
