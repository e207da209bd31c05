"""An engine under faults, for long, and again and again: engine.py faults|soak|starts. Exit code 1 where it did not hold.

faults: committees of Python models that throw, hang or run out of memory at seeded random moments, under the load of several
threads with deadlines and cancellations; every request must end once, with the right answer where nothing was lost.
soak: millions of samples through replayed models; resident memory must stay where it was.
starts: engines that are made, used and closed; threads, open files and resident memory must stay where they were.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import quorate as qr

FEATURES, CLASSES, MODELS = 4, 5, 3
Floats = NDArray[np.float32]


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def library() -> qr.ModelLibrary:
    lib = qr.ModelLibrary()
    lib.set_labels("valid", np.arange(10) % CLASSES)
    for m in range(MODELS):
        lib.add(f"m{m}", predictions={"valid": np.full((10, CLASSES), 1 / CLASSES, np.float32)}, cost={"latency_s": 1.0})
    return lib


def profile_of(latency_s: float, batch: int) -> tuple[qr.Profile, list[qr.Device]]:
    one = qr.cpu_devices(cores=[1])[0]
    devices = [qr.Device(f"cpu:{i}", kind=one.kind, memory_bytes=10**9, cores=[core]) for i, core in enumerate(cores())]
    shape = (1, MODELS, 1)
    names = [f"m{m}" for m in range(MODELS)]
    return qr.Profile(names, [batch], [one.kind], np.full(shape, latency_s), np.ones(shape, int)), devices


def cores() -> list[int]:
    """Two lanes, on as many cores as there are."""
    usable = sorted(os.sched_getaffinity(0))
    return [usable[0], usable[-1]]


def cascade() -> qr.Cascade:
    first = qr.Tier(members=[0, 1], weights=[0.5, 0.5], threshold=0.6)
    return qr.Cascade(tiers=[first, qr.Tier(members=[2], weights=[1.0])])


class Faulty:
    """A linear model. `faults` are drawn by the number of the call, whoever calls."""

    def __init__(self, model: int, seed: int, rate: float, done: Counter[str]):
        self.weights = 2 * np.random.default_rng(model).normal(size=(FEATURES, CLASSES)).astype(np.float32)
        self.rng, self.rate, self.done, self.lock = np.random.default_rng([seed, model]), rate, done, threading.Lock()

    def right(self, x: Floats) -> Floats:
        e = np.exp(x @ self.weights)
        return np.asarray(e / e.sum(1, keepdims=True), np.float32)

    def __call__(self, x: Floats) -> Floats:
        with self.lock:
            fault = (
                ""
                if self.rng.random() >= self.rate
                else str(self.rng.choice(["throw", "memory", "hang"], p=[0.49, 0.49, 0.02]))
            )
            self.done[fault] += 1
        if fault == "throw":
            raise RuntimeError("on purpose")
        if fault == "memory":
            raise MemoryError
        if fault == "hang":
            time.sleep(0.3)
        return self.right(x)


def answers(models: list[Faulty], x: Floats) -> Floats:
    first = (models[0].right(x) + models[1].right(x)) / 2
    return np.where((first.max(1) >= 0.6)[:, None], first, models[2].right(x))


def round_of_faults(seed: int, requests: int, done: Counter[str], ended: Counter[str], wrong: list[str]) -> None:
    models = [Faulty(m, seed, 0.1, done) for m in range(MODELS)]
    profile, devices = profile_of(1e-3, 8)
    plan = qr.plan(profile, devices, time_limit_s=0.1)
    named = {f"m{m}": model for m, model in enumerate(models)}
    engine = qr.Engine(
        library(), cascade(), plan, models=named, max_queue_samples=256, retry_after_s=0.01, batch_timeout_s=0.1
    )

    def call(caller: int) -> None:
        rng = np.random.default_rng([seed, 100 + caller])
        for _ in range(requests):
            x = rng.normal(size=(int(rng.integers(1, 30)), FEATURES)).astype(np.float32)
            try:
                pending = engine.submit(x, deadline_s=0.002 if rng.random() < 0.1 else 60.0)
                if rng.random() < 0.1:
                    pending.cancel()
                answer = pending.result(timeout=120)
            except (qr.Error, TimeoutError) as error:
                ended[type(error).__name__] += 1
                if isinstance(error, TimeoutError):
                    wrong.append(f"seed {seed}: a request was never answered")
                continue
            ended["degraded" if answer.lost else "whole"] += 1
            # The models' own sums differ in their last bits with the batch, and with them decisions at the threshold.
            if not answer.lost and np.abs(answer.probs - answers(models, x)).max() > 1e-4:
                near = np.abs((models[0].right(x) + models[1].right(x)).max(1) / 2 - 0.6) < 1e-5
                if np.abs(answer.probs - answers(models, x))[~near].max(initial=0.0) > 1e-4:
                    wrong.append(f"seed {seed}: a whole answer is not the cascade's")

    callers = [threading.Thread(target=call, args=(caller,)) for caller in range(4)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join()
    stats = engine.stats()
    if (stats["requests"], stats["unanswered"]) != (stats["requests_ended"], 0):
        wrong.append(f"seed {seed}: {stats['requests']} requests, {stats['requests_ended']} ended")
    engine.close()


def faults(count: int, seed: int) -> list[str]:
    done: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    wrong: list[str] = []
    while done.total() - done[""] < count:
        round_of_faults(seed, 50, done, ended, wrong)
        seed += 1
    print(f"faults: {done.total() - done['']} ({done['throw']} thrown, {done['memory']} of memory, {done['hang']} hung)")
    print(f"requests: {ended.total()}, " + ", ".join(f"{count} {name}" for name, count in sorted(ended.items())))
    return wrong


def soak(count: int, most_drift: float) -> list[str]:
    profile, devices = profile_of(2e-5, 64)
    probs = np.full((100, CLASSES), 0.1, np.float32)
    probs[:, 0] = 0.6
    probs[::3] = 1 / CLASSES
    models = {name: qr.Replay(profile, name, probs, wait="spin") for name in profile.models}
    x = (np.arange(5000) % 100).astype(np.float32)[:, None]
    begin, after, marks = time.perf_counter(), 0, []
    with qr.Engine(library(), cascade(), qr.plan(profile, devices, time_limit_s=0.1), models=models) as engine:
        while after < count:
            sizes = [1, 7, 64, 300, 5000]
            pending = [engine.submit(x[:size], deadline_s=600.0) for size in sizes for _ in range(20)]
            for one in pending:
                one.result()
            after += 20 * sum(sizes)
            marks.append(resident_bytes())
    first, last = marks[len(marks) // 10], max(marks[-max(1, len(marks) // 10) :])
    drift = last / first - 1
    rate = after / (time.perf_counter() - begin)
    print(
        f"samples: {after:,} at {rate:,.0f}/s; resident {first / 2**20:.1f} MiB after a tenth, {last / 2**20:.1f} at the end"
    )
    print(f"drift: {100 * drift:.2f} %")
    return [f"resident memory drifted by {100 * drift:.2f} %"] if drift > most_drift else []


def starts(count: int, most_drift: float) -> list[str]:
    profile, devices = profile_of(1e-6, 8)
    plan = qr.plan(profile, devices, time_limit_s=0.1)
    probs = np.full((10, CLASSES), 1 / CLASSES, np.float32)
    models = {name: qr.Replay(profile, name, probs) for name in profile.models}
    lib, x = library(), np.zeros((5, 1), np.float32)
    marks = []
    for i in range(count + count // 10):
        with qr.Engine(lib, cascade(), plan, models=models) as engine:
            if i % 2 == 0:
                engine.predict(x)
        if i in (count // 10 - 1, count + count // 10 - 1):
            gc.collect()
            marks.append((threads(), open_files(), resident_bytes()))
    (threads0, files0, bytes0), (threads1, files1, bytes1) = marks
    print(f"{count} engines: threads {threads0} and {threads1}, open files {files0} and {files1},")
    print(f"resident {bytes0 / 2**20:.1f} and {bytes1 / 2**20:.1f} MiB")
    if (threads0, files0) != (threads1, files1):
        return ["threads or files are left"]
    return ["resident memory grew"] if bytes1 > (1 + most_drift) * bytes0 else []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["faults", "soak", "starts"])
    parser.add_argument("--count", type=int, help="faults (1,000), samples (10,000,000) or engines (1,000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most-drift", type=float, default=0.01)
    given = parser.parse_args()
    if given.what == "faults":
        wrong = faults(given.count or 1000, given.seed)
    elif given.what == "soak":
        wrong = soak(given.count or 10_000_000, given.most_drift)
    else:
        wrong = starts(given.count or 1000, given.most_drift)
    print("\n".join(wrong) if wrong else "held")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
