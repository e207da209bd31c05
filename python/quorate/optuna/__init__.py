"""Optuna beside a study: its samplers choose configurations, its dashboard shows them, its studies go on here.

Needs the extra: pip install 'quorate[optuna]'.
"""

from __future__ import annotations

try:
    import optuna as _optuna  # noqa: F401 - the package; this one is quorate.optuna
except ModuleNotFoundError as error:
    raise ImportError("quorate.optuna needs Optuna, which is not installed: pip install 'quorate[optuna]'") from error

from .exporting import export_study
from .importing import import_study
from .sampler import Sampler

__all__ = ["Sampler", "export_study", "import_study"]
