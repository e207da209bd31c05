"""The actor of `quorate.ray` without Ray around it: calls that come twice, late or not at all, and the folders it leaves."""

import os
import pickle
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import search_training as st

pytest.importorskip("ray", reason="Ray is not installed: pip install 'quorate[ray]'")

from quorate import ray_worker
from quorate.ray_worker import RayWorker

FIELDS = {
    "trial": 7,
    "config": {"x": 0.5},
    "bracket": 0,
    "rung": 1,
    "from_resource": 0,
    "to_resource": 5,
    "attempt": 1,
    "seed": 3,
    "token": "7:1",
    "device": None,
    "device_share": 1.0,
    "checkpoint": None,
    "checkpoint_resource": 0,
}
WAIT_S = 0.001


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def conversation(repeat):
    """What two jobs of a worker ask, by one that calls everything as often as `repeat` says, stale calls among them."""
    worker = RayWorker(pickle.dumps(st.train), 0)
    asked = []
    past = []

    def call(method, *arguments):
        past.append((method, arguments))
        results = [method(*arguments) for _ in range(1 + repeat())]
        for _ in range(repeat()):
            old, old_arguments = random.choice(past)
            old(*old_arguments)
        return results

    for number in (1, 2):
        call(worker.begin, number, dict(FIELDS), None, True)
        answered, answer = 0, None
        while not asked or asked[-1][:2] != (number, "done"):
            question = call(worker.next, number, answered, answer, WAIT_S)[-1]
            if question is None:
                continue
            assert question[0] == answered + 1
            answered, answer = question[0], (False, True)
            asked.append((number, *question[1:]))
    return asked


def test_calls_that_are_repeated_do_no_more():
    once = conversation(lambda: 0)
    assert [question[1] for question in once] == (["report", "save_checkpoint"] * 5 + ["done"]) * 2
    for seed in range(20):
        random.seed(seed)
        assert conversation(lambda: random.randrange(3)) == once


def test_a_question_of_an_earlier_job_is_refused():
    worker = RayWorker(pickle.dumps(st.report_late), 0)
    for number in (1, 2):
        worker.begin(number, dict(FIELDS, to_resource=1), None, True)
        question = None
        answered = 0
        while question is None or question[1] != "done":
            question = worker.next(number, answered, (False, True) if answered else None, 10.0)
            assert question is not None and question[1] != "failed", question
            answered = question[0]


def test_a_folder_is_there_as_long_as_its_process(own_folder):
    folder, lock = ray_worker.locked_folder()
    program = "from quorate import ray_worker as r; print(r.locked_folder()[0], flush=True); input()"
    environment = {**os.environ, "TMPDIR": str(own_folder), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, text=True, **pipes) as process:
        other = Path(process.stdout.readline().strip())
        assert other.parent == own_folder
        (other / "3.ckpt").write_text("3")
        ray_worker.remove_abandoned_folders()
        assert folder.exists() and other.exists()
        process.send_signal(signal.SIGKILL)
    ray_worker.remove_abandoned_folders()
    assert folder.exists() and not other.exists()
    os.close(lock)
    (own_folder / "quorate-ray-link").symlink_to(own_folder)
    ray_worker.remove_abandoned_folders()
    assert own_folder.exists() and not folder.exists()
