"""The stubs say what the extension modules have: mypy's stubtest compares names, arguments and defaults."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Two things that pybind11 does to every class and that a stub need not repeat: its own metaclass, and an __init__(*args)
# that refuses where C++ alone makes the objects.
OF_PYBIND = ("is inconsistent, metaclass differs", 'is inconsistent, stub does not have *args parameter "args"')


def test_stubs_match_the_modules() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "--concise", "quorate._core", "quorate._infer"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("quorate.")]
    assert lines, f"stubtest did not run:\n{done.stdout}{done.stderr}"
    differences = [line for line in lines if not line.endswith(OF_PYBIND)]
    assert not differences, "\n".join(differences)


def test_every_public_name_of_the_package_says_what_it_is() -> None:
    import quorate as qr

    undocumented = [name for name in qr.__all__ if not (getattr(qr, name).__doc__ or "").strip()]
    assert not undocumented
