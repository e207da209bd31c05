"""The scheduler that is killed and started again by the same line: scheduler_run.py FOLDER TRIALS WORKERS."""

from __future__ import annotations

import sys
from pathlib import Path

import training

import quorate as qr

MAX_ATTEMPTS = 50  # more than kills can hit one job

if __name__ == "__main__":
    study = qr.Study(Path(sys.argv[1]), **training.OPTIONS, max_attempts=MAX_ATTEMPTS)
    study.library.set_labels("valid", training.LABELS)
    study.run(training.train, trials=int(sys.argv[2]), workers=int(sys.argv[3]), executor="processes")
