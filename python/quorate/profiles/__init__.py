"""Profiles from tables that were measured elsewhere: our own CSV, Triton Model Analyzer's and timm's.

Latencies and memory of what no table holds are never guessed: a combination of kind, model and batch size without a row is
one at which the model does not run. `Profile.interpolated` fills in batch sizes between measured ones.
"""

from .table import from_csv
from .timm import from_timm
from .triton import from_model_analyzer

__all__ = ["from_csv", "from_model_analyzer", "from_timm"]
