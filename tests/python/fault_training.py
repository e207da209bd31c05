"""What test_faults.py does in processes of their own: fault_training.py WHAT FOLDER. Each prints what it found as JSON."""

import json
import os
import sys
from pathlib import Path

import search_training as st

import quorate as qr

LABELS = [0, 1, 2, 0]


def losses(study):
    return {str(t.number): {str(r): loss for r, loss in t.losses.items()} for t in study.trials()}


def train(job, bytes_each=20_000):
    """Keeps what was acknowledged in a list, beside the study."""
    for resource in range(job.checkpoint_resource + 1, job.to_resource + 1):
        loss = st.loss_of(job, resource)
        go_on = job.report(resource, loss)
        ACKNOWLEDGED.append((job.trial, resource, loss))
        job.save_checkpoint(bytes([resource]) * bytes_each)
        if not go_on:
            return


ACKNOWLEDGED: list[tuple[int, int, float]] = []


def until_it_fails(folder, trials=60):
    """A run that the disk, or a limit, ends. What it says and what was acknowledged by then; the study is closed after."""
    said = ""
    messages = []
    try:
        study = qr.Study(folder, **st.OPTIONS, max_attempts=1)
        study.run(train, trials=trials, workers=2)
    except qr.FileError as error:
        said = str(error)
    if "study" in locals():
        messages = [t.message for t in study.trials() if t.message]
    return {"said": said, "messages": messages}


def kept(folder):
    """Whether all that was acknowledged is there, and the study ends as it should once the cause is removed."""
    study = qr.Study(folder, **st.OPTIONS)
    trials = {t.number: t for t in study.trials()}
    lost = [a for a in ACKNOWLEDGED if a[0] not in trials or trials[a[0]].losses.get(a[1]) != a[2]]
    study.run(train, trials=len(trials) + 3, workers=2)
    return {"lost": lost, "states": sorted({t.state for t in study.trials()}), "trials": len(study.trials())}


def full_disk(folder):
    """`folder` is a file system of its own, filled but for a little, ever more."""
    found = []
    for free in range(0, 400_000, 40_000):
        study_folder = folder / f"study{free}"
        ballast = folder / "ballast"
        with ballast.open("wb") as file:
            room = os.statvfs(folder)
            file.write(b"x" * max(0, room.f_bavail * room.f_frsize - free - 4096))
        ACKNOWLEDGED.clear()
        found.append({"free": free} | until_it_fails(study_folder))
        ballast.unlink()
        found[-1] |= kept(study_folder)
        for path in sorted(study_folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    return found


def file_limit(folder):
    """A limit on how large a file may become, which the system tells as it tells a full disk."""
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    found = []
    for limit in (0, 4096, 30_000, 80_000, 200_000):
        ACKNOWLEDGED.clear()
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        found.append({"free": limit} | until_it_fails(folder / f"study{limit}"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        found[-1] |= kept(folder / f"study{limit}")
    return found


def unwritable(folder):
    """Root may write anywhere, so this is done as somebody else."""
    if os.getuid() == 0:
        os.chown(folder, 65534, 65534)
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
    found = {}
    closed = folder / "closed"
    closed.mkdir(mode=0o500)
    found["new"] = until_it_fails(closed / "study")["said"]
    closed.chmod(0o700)
    found["new, then"] = kept(closed / "study")

    old = folder / "old"
    found["before"] = until_it_fails(old, trials=6)
    paths = [old, *old.rglob("*")]
    for path in paths:
        path.chmod(0o500 if path.is_dir() else 0o400)
    found["existing"] = until_it_fails(old, trials=12)["said"]
    for path in paths:
        path.chmod(0o700 if path.is_dir() else 0o600)
    found["existing, then"] = kept(old)

    middle = folder / "middle"

    def lock_out(job):
        if job.trial == 2:
            (middle / "checkpoints").chmod(0o500)
        train(job)

    ACKNOWLEDGED.clear()
    said = ""
    study = qr.Study(middle, **st.OPTIONS, max_attempts=1)
    try:
        study.run(lock_out, trials=6)
    except qr.FileError as error:
        said = str(error)
    found["middle"] = {"said": said, "messages": [t.message for t in study.trials() if t.message]}
    del study
    (middle / "checkpoints").chmod(0o700)
    found["middle, then"] = kept(middle)
    return found


if __name__ == "__main__":
    print(json.dumps({f.__name__: f for f in (full_disk, file_limit, unwritable)}[sys.argv[1]](Path(sys.argv[2]))))
