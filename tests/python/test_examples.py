"""The Python example runs from an empty folder to answers, and a second time from what it left."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "chain.py"


def test_the_chain_runs_and_runs_again(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    command = [sys.executable, str(EXAMPLE), str(tmp_path / "run")]
    first = subprocess.run(command, capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    assert [line.split(":")[0] for line in first.stdout.splitlines()] == ["search", "select", "route", "plan", "infer"]
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    # All but the plan's measured speed is kept or derived from what is kept.
    assert [line for line in again.stdout.splitlines() if not line.startswith("plan")] == [
        line for line in first.stdout.splitlines() if not line.startswith("plan")
    ]
