"""Truncated files, a full disk, an unwritable folder, two schedulers: a clear error, nothing lost, and it goes on after."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import fault_training as ft
import pytest
import search_training as st

import quorate as qr

CAMPAIGNS = Path(__file__).parents[2] / "scripts" / "campaigns"


def copied(source, target):
    """A study's files as a kill would leave them at this moment."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*-shm", "study.lock"))
    return target


def environment():
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(ft.__file__).parent), *sys.path])}


def test_a_truncated_file_is_refused_or_does_no_harm():
    """At every edge of a page; scripts/campaigns/truncate.py without --some does every byte."""
    command = [sys.executable, str(CAMPAIGNS / "truncate.py"), "--some", "--trials", "3"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()[2:]]
    assert {("killed", "study.db"), ("killed", "study.db-wal"), ("closed", "study.db")} <= {tuple(row[:2]) for row in table}
    for _, name, sizes, refused, intact, lost in table:
        assert int(sizes) == int(refused) + int(intact)
        assert int(lost) == 0
        assert int(refused) > 0 or name == "study.acknowledged"


@pytest.fixture
def image(tmp_path):
    """A folder as a killed scheduler leaves it, and what was acknowledged by then."""
    study = qr.Study(tmp_path / "source", **st.OPTIONS)
    study.run(lambda job: ft.train(job, 40), trials=4)
    return copied(tmp_path / "source", tmp_path / "killed"), ft.losses(study)


@pytest.mark.parametrize("name", ["study.db", "study.db-wal", "study.acknowledged"])
def test_a_missing_file_is_refused_or_does_no_harm(image, tmp_path, name):
    source, expected = image
    folder = copied(source, tmp_path / "study")
    (folder / name).unlink(missing_ok=True)
    try:
        study = qr.Study(folder, **st.OPTIONS)
    except qr.FileError as error:
        assert str(folder / "study") in str(error)
    else:
        assert ft.losses(study) == expected


def test_a_truncated_checkpoint_costs_its_steps_only(tmp_path):
    """At every byte."""
    source = tmp_path / "source"

    def interrupted(job):
        for resource in (1, 2, 3):
            job.report(resource, st.loss_of(job, resource))
            job.save_checkpoint(bytes([resource]) * 40)
        copied(source, tmp_path / "killed")
        raise RuntimeError("enough")

    options = st.OPTIONS | {"min_resource": 9}
    qr.Study(source, **options, max_attempts=1).run(interrupted, trials=1)
    [checkpoint] = (tmp_path / "killed" / "checkpoints" / "0").iterdir()
    name = checkpoint.relative_to(tmp_path / "killed")
    for size in range(checkpoint.stat().st_size):
        folder = copied(tmp_path / "killed", tmp_path / "study")
        os.truncate(folder / name, size)
        given = []

        def resumed(job, given=given):
            given.append((job.checkpoint, job.checkpoint_resource))
            ft.train(job, 40)

        study = qr.Study(folder, **options)
        study.run(resumed, trials=1)
        [trial] = study.trials()
        assert given == [(None, 0)]
        assert f"{folder / name}: the checkpoint does not have the SHA-256" in trial.message
        assert trial.state == "completed"
        assert list(trial.losses) == list(range(1, 10))
        del study
        shutil.rmtree(folder)


def in_its_own_process(what, folder, prefix=()):
    command = [*prefix, sys.executable, ft.__file__, what, str(folder)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check_that_it_ended_well(found, folder, words):
    stopped = 0
    for case in found:
        said = [text for text in [case["said"], *case["messages"]] if text]
        assert all(str(folder) in text and any(word in text for word in words) for text in said), case
        stopped += bool(said)
        assert case["lost"] == [], case
        assert case["trials"] >= 3
    assert stopped >= len(found) - 1


def test_a_full_disk(tmp_path):
    mounted = f'mount -t tmpfs -o size=1m tmpfs {tmp_path} && exec "$@"'
    prefix = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mounted, "sh"]
    if shutil.which("unshare") is None or subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine lets nobody mount a small file system")
    found = in_its_own_process("full_disk", tmp_path, prefix)
    check_that_it_ended_well(found, tmp_path, ["No space left on device", "disk is full", "disk I/O error"])


def test_a_limit_on_the_size_of_files(tmp_path):
    found = in_its_own_process("file_limit", tmp_path)
    check_that_it_ended_well(found, tmp_path, ["File too large", "disk is full", "disk I/O error"])


def test_an_unwritable_folder():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        found = in_its_own_process("unwritable", folder)
        assert str(folder / "closed" / "study") in found["new"]
        assert "Permission denied" in found["new"]
        assert str(folder / "old") in found["existing"]
        assert "ermission denied" in found["existing"] or "readonly" in found["existing"]
        middle = [text for text in [found["middle"]["said"], *found["middle"]["messages"]] if text]
        assert middle
        assert all(str(folder / "middle" / "checkpoints") in text and "Permission denied" in text for text in middle)
        for then in ("new, then", "existing, then", "middle, then"):
            assert found[then]["lost"] == []
            assert set(found[then]["states"]) <= {"paused", "completed", "failed"}


def test_the_second_scheduler_is_refused(tmp_path):
    folder = tmp_path / "study"
    acknowledged = tmp_path / "acknowledged"
    marked = environment() | {"QUORATE_TEST_ACKNOWLEDGED": str(acknowledged)}
    first = subprocess.Popen([sys.executable, st.__file__, str(folder), "threads", "train"], env=marked)
    while first.poll() is None and not acknowledged.exists():
        time.sleep(0.001)
    refused = 0
    while first.poll() is None:
        try:
            qr.Study(folder, **st.OPTIONS)
        except qr.FileError as error:
            refused += 1
            assert f"{folder / 'study.lock'}: is locked by process {first.pid}" in str(error)
        else:
            assert first.wait(timeout=10) == 0
        time.sleep(0.01)
    assert refused
    assert first.returncode == 0
    study = qr.Study(folder, **st.OPTIONS)
    trials = study.trials()
    for line in acknowledged.read_text().splitlines():
        number, resource, loss = line.split()
        assert trials[int(number)].losses[int(resource)] == float(loss)
    assert {t.state for t in trials} <= {"paused", "completed"}
