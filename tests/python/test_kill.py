"""The campaign of scripts/campaigns/kill.py in small: SIGKILLs of workers and of the scheduler, and nothing is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import quorate as qr

CAMPAIGN = Path(__file__).parents[2] / "scripts" / "campaigns" / "kill.py"
KILLS = 15


@pytest.mark.parametrize("how", ["run", "ask"])
def test_kills_at_random_moments_lose_and_repeat_nothing(tmp_path, how):
    if how == "ask" and not hasattr(qr.Study, "ask"):
        pytest.skip("this version has no Study.ask")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "QUORATE_CAMPAIGN_STEP_S": "0.002"}
    command = [sys.executable, str(CAMPAIGN), "--kills", str(KILLS), "--seed", "1", "--how", how, "--folder", str(tmp_path)]
    command += ["--steps", "15", "60", "--most-repeated", "0.15"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    kills = [json.loads(line) for line in (tmp_path / "kills.jsonl").read_text().splitlines()]
    assert len(kills) == KILLS
    assert {"worker", "opening"} <= {kill["what"] for kill in kills}
