"""The progress line, on a terminal and elsewhere."""

import os
import pty
import subprocess
import sys
from types import SimpleNamespace

import pytest

import quorate as qr
from quorate import progress
from quorate.progress import ProgressLine, StudyProgress, clock, predict_line, study_line


def at(**changes):
    now = {
        "trials": 120, "states": {"paused": 100, "completed": 18, "failed": 2}, "rungs": {1: 150, 3: 48, 9: 12, 27: 3},
        "best_trial": 7, "best_resource": 27, "best_loss": 0.01234567, "elapsed_s": 260.0, "left_s": 130.4,
    }  # fmt: skip
    return SimpleNamespace(**now | changes)


def test_what_the_line_says():
    assert study_line(at(), 200) == (
        "120/200 trials  best 0.0123 at 27  2:10 left  2 failed  rung 1: 150  3: 48  9: 12  27: 3"
    )
    new = at(trials=1, states={"running": 1}, rungs={1: 0, 3: 0}, best_trial=None, left_s=None)
    assert study_line(new, 200) == "1/200 trials  rung 1: 0  3: 0"
    assert "left" not in study_line(at(left_s=0.0), 200)
    assert study_line(at(trials=300), 200).startswith("300/300 trials ")
    assert predict_line(1200, 100_000, 3.0) == "1200/100000 samples  400/s  4:07 left"
    assert predict_line(0, 5, 1.0) == "0/5 samples" and predict_line(5, 5, 2.0) == "5/5 samples  2/s"
    assert [clock(s) for s in (0, 59.9, 60, 3599, 3600, 90061)] == ["0:00", "0:59", "1:00", "59:59", "1:00:00", "25:01:01"]


def test_without_a_terminal_a_line_now_and_then_and_the_last_one(capsys, monkeypatch):
    now_s = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now_s)
    with StudyProgress(200) as show:
        for trials in range(1, 25):
            show(at(trials=trials))
            now_s += 0.5
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" trials")[0] for line in lines] == [
        "0:00  search   1/200", "0:05  search   11/200", "0:10  search   21/200", "0:11  search   24/200"
    ]  # fmt: skip


def test_the_last_line_comes_once_also_after_an_exception(capsys):
    with pytest.raises(LookupError), StudyProgress(200) as show:
        show(at())
        raise LookupError
    assert len(capsys.readouterr().err.splitlines()) == 1
    with StudyProgress(200):
        pass
    assert capsys.readouterr().err == ""


def test_a_new_stage_is_said_at_once(capsys):
    with ProgressLine() as line:
        line.say("search", "a")
        line.say("search", "b")
        line.say("select", "c")
    assert capsys.readouterr().err == "0:00  search   a\n0:00  select   c\n"


def test_a_study_shows_its_run(tmp_path, capsys):
    study = qr.Study(tmp_path, space={"x": qr.Float(0.0, 1.0)}, max_resource=3)
    study.run(lambda job: job.report(job.to_resource, job.config["x"]), trials=6, progress=True)
    last = capsys.readouterr().err.splitlines()[-1]
    assert "6/6 trials  best 0." in last and " at 3  " in last and last.endswith(f"3: {study.progress().rungs[3]}")
    study.run(lambda job: None, trials=6, progress=False)
    assert capsys.readouterr().err == ""


PROGRAM = """
from test_progress import at
from quorate.progress import StudyProgress
with StudyProgress(200) as show:
    show(at())
"""


@pytest.mark.parametrize("columns", [40, 200])
def test_on_a_terminal_the_line_stays_within_it(columns):
    ours, theirs = pty.openpty()
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path]),
        "COLUMNS": str(columns),
        "TERM": "xterm",
    }
    done = subprocess.run([sys.executable, "-c", PROGRAM], stderr=theirs, env=environment, check=True, timeout=60)
    os.close(theirs)
    assert done.returncode == 0
    shown = b""
    while True:
        try:
            shown += os.read(ours, 4096)
        except OSError:  # how Linux says that nobody is left at the other end
            break
    os.close(ours)
    whole = "0:00  search   " + study_line(at(), 200)
    changing, last = shown.decode().rstrip().rsplit("\n", 1)
    assert last.endswith(whole)
    assert (whole in changing) == (columns == 200)
    assert (whole[: columns - progress.MARGIN - 1] + "…" in changing) == (columns == 40)
