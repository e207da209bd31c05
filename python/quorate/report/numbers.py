"""Numbers as people read them, and where an axis puts its ticks."""

from __future__ import annotations

import math

_STEPS = {9: "G", 6: "M", 3: "k", 0: "", -3: "m", -6: "µ", -9: "n"}


def short(value: float, digits: int = 3) -> str:
    """`digits` significant digits, no exponent for everyday sizes, no trailing zeros: 0.0125, 1.5, 2300."""
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f}" if value == 0 else str(value)
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    if decimals <= 0:
        return f"{round(value, decimals):.0f}"
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def with_interval(value: float, low: float, high: float, sign: bool = False) -> str:
    """ "0.024 [0.011, 0.036]": all to the second digit of the interval's width; `sign` puts a + before a gain."""
    plus = "+" if sign and value > 0 else ""
    if not math.isfinite(high - low) or high <= low:
        return f"{plus}{short(value, 4)} [{short(low)}, {short(high)}]"
    decimals = max(0, min(12, 1 - math.floor(math.log10(high - low))))
    return f"{plus}{value:.{decimals}f} [{low:.{decimals}f}, {high:.{decimals}f}]"


def quantity(value: float, unit: str, digits: int = 3) -> str:
    """With a prefix of the unit: quantity(3.2e-5, "s") is "32 µs"; bytes and counts by powers of 1000."""
    if value == 0 or not math.isfinite(value):
        return f"{short(value)} {unit}".strip()
    value = float(f"{value:.{digits}g}")
    low, high = (-9, 0) if unit == "s" else (0, 9)
    power = max(low, min(high, 3 * math.floor(math.log10(abs(value)) / 3)))
    return f"{short(value / 10.0**power, digits)} {_STEPS[power]}{unit}".strip()


def percent(share: float, decimals: int = 1) -> str:
    return f"{100 * share:.{decimals}f} %"


def unit_of(cost_key: str) -> str:
    """The unit that a cost's name ends in: "latency_s" is in s, "memory_bytes" in B, "flops" in FLOP."""
    for ending, unit in {"_s": "s", "_bytes": "B", "_usd": "USD", "flops": "FLOP"}.items():
        if cost_key.endswith(ending):
            return unit
    return ""


def linear_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers in [low, high], steps of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 12) for index in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten in [low, high]; powers of ten alone where those are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1,) if len(powers) > 5 else (1, 2, 5)
    ticks = [factor * 10.0**power for power in powers for factor in factors]
    return [tick for tick in ticks if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
