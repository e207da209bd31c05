"""How often the drift monitor cries wolf, and how soon it hears a change: drift.py --streams 1000 --samples 100000.

Streams of a cascade of two tiers: the certainty of each is drawn from a Beta distribution, tier 0 answers from 0.7 on.
Without a change, calibration samples and stream are alike; every stream has its own calibration samples. With one, the
first tier's log-odds of certainty fall by some amount after a quiet time. Beside the monitor, on the same streams, run rules
that are in use:

  chi-square    windows of 1,000 samples: exits against the calibration shares and certainty in ten calibration deciles,
                each at level delta / 2
  Page-Hinkley  on the certainty of all samples, two-sided, with the usual settings (delta 0.005, threshold 50, here in
                standard deviations, after 30 samples), without forgetting

Prints tables in Markdown.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

import quorate as qr

Floats = NDArray[np.float64]
Tiers = NDArray[np.int64]
THRESHOLD = 0.7
DELTA = 0.01
WINDOW = 1000
CASCADE = qr.Cascade([qr.Tier([0], threshold=THRESHOLD), qr.Tier([1])])


def draw(rng: np.random.Generator, samples: int, shift: float = 0.0) -> Floats:
    """Certainty of both tiers, [2, samples], exact in float32; the log-odds of the first moved by -shift."""
    first = rng.beta(2.0, 0.8, samples)
    odds = np.exp(-shift) * first / np.maximum(1 - first, 1e-12)
    return np.stack([odds / (1 + odds), rng.beta(4.0, 1.0, samples)]).astype(np.float32).astype(np.float64)


def seen(certainty: Floats) -> tuple[Tiers, Floats]:
    stops = certainty[0] >= np.float32(THRESHOLD)
    return np.where(stops, 0, 1), np.where(stops, certainty[0], certainty[1])


def as_predictions(certainty: Floats) -> qr.Predictions:
    samples = certainty.shape[1]
    return qr.Predictions.from_votes(
        np.zeros((2, samples), np.int32), np.zeros(samples, np.int32), confidence=certainty.astype(np.float32)
    )


def ours(calib: Floats, tier: Tiers, certainty: Floats, seed: int) -> int | None:
    monitor = qr.DriftMonitor(CASCADE, as_predictions(calib), delta=DELTA, seed=seed, threads=1)
    monitor.observe(tier, certainty)
    return monitor.at


def chi_square(calib: Floats, tier: Tiers, certainty: Floats, seed: int) -> int | None:
    calib_tier, calib_certainty = seen(calib)
    deciles = np.quantile(calib_certainty, np.arange(1, 10) / 10)
    windows = len(tier) // WINDOW
    counts_of = [
        (np.bincount(calib_tier, minlength=2), tier[: windows * WINDOW], 2),
        (np.bincount(np.searchsorted(deciles, calib_certainty), minlength=10), np.searchsorted(deciles, certainty), 10),
    ]
    alarms = np.zeros(windows, bool)
    for expected, cells, size in counts_of:
        of_window = np.repeat(np.arange(windows), WINDOW)
        counts = np.zeros((windows, size))
        np.add.at(counts, (of_window, cells[: windows * WINDOW]), 1)
        wanted = np.maximum(expected, 0.5) / expected.sum() * WINDOW
        alarms |= ((counts - wanted) ** 2 / wanted).sum(1) > chi2.ppf(1 - DELTA / 2, size - 1)
    return int((np.argmax(alarms) + 1) * WINDOW) if alarms.any() else None


def page_hinkley(calib: Floats, tier: Tiers, certainty: Floats, seed: int) -> int | None:
    scaled = (certainty - seen(calib)[1].mean()) / seen(calib)[1].std()
    means = np.cumsum(scaled) / np.arange(1, len(scaled) + 1)
    first = len(scaled)
    for sign in (-1.0, 1.0):
        sums = np.cumsum(sign * (scaled - means) - 0.005)
        over = sums - np.minimum.accumulate(sums) > 50
        over[:30] = False
        if over.any():
            first = min(first, int(np.argmax(over)) + 1)
    return first if first < len(scaled) else None


RULES: dict[str, Callable[[Floats, Tiers, Floats, int], int | None]] = {
    "monitor": ours,
    "chi-square": chi_square,
    "Page-Hinkley": page_hinkley,
}


def false_alarms(streams: int, samples: int, calibrations: list[int], seed: int) -> None:
    print(f"False alarms in {streams} streams of {samples} samples without a change (delta {DELTA}):\n")
    print("| calibration samples | " + " | ".join(RULES) + " |\n|---|" + "---|" * len(RULES))
    for calibration in calibrations:
        alarms = dict.fromkeys(RULES, 0)
        for stream in range(streams):
            rng = np.random.default_rng([seed, calibration, stream])
            calib, (tier, certainty) = draw(rng, calibration), seen(draw(rng, samples))
            for name, rule in RULES.items():
                alarms[name] += rule(calib, tier, certainty, stream) is not None
        print(f"| {calibration} | " + " | ".join(f"{n / streams:.3f}" for n in alarms.values()) + " |", flush=True)


def delays(streams: int, quiet: int, after: int, calibration: int, shifts: list[float], seed: int) -> None:
    print(
        f"\nSamples from a change at {quiet} to the alarm, median and 90 % (of {streams} streams, {calibration} calibration"
    )
    print(f"samples, {after} samples after the change; in brackets alarms before it, and in all):\n")
    print("| shift of log-odds | exits at tier 0 | " + " | ".join(RULES) + " |\n|---|---|" + "---|" * len(RULES))
    share = np.mean(seen(draw(np.random.default_rng(seed), 1_000_000))[0] == 0)
    for shift in shifts:
        found: dict[str, list[int | None]] = {name: [] for name in RULES}
        for stream in range(streams):
            rng = np.random.default_rng([seed, 7, stream])
            calib = draw(rng, calibration)
            tier, certainty = seen(np.concatenate([draw(rng, quiet), draw(rng, after, shift)], axis=1))
            for name, rule in RULES.items():
                found[name].append(rule(calib, tier, certainty, stream))
        cells = []
        for name in RULES:
            early = sum(at is not None and at <= quiet for at in found[name])
            times = np.array([np.inf if at is None else at - quiet for at in found[name] if at is None or at > quiet])
            middle, late = (
                np.quantile(times, [0.5, 0.9], method="inverted_cdf") if len(times) else (float("nan"), float("nan"))
            )
            heard = sum(at is not None for at in found[name])
            cells.append(f"{middle:.0f}, {late:.0f} ({early}, {heard})")
        moved = np.mean(seen(draw(np.random.default_rng(seed), 1_000_000, shift))[0] == 0)
        print(f"| {shift} | {share:.3f} to {moved:.3f} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--calibrations", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--delay-streams", type=int, default=200)
    parser.add_argument("--shifts", type=float, nargs="+", default=[0.05, 0.1, 0.2, 0.5, 1.0, -0.2])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    begin = time.perf_counter()
    false_alarms(arguments.streams, arguments.samples, arguments.calibrations, arguments.seed)
    for quiet in (0, arguments.samples // 2):
        delays(arguments.delay_streams, quiet, arguments.samples // 2, 5000, arguments.shifts, arguments.seed)
    print(f"\n{time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":
    main()
