"""quorate: one training function in, a committee of models that answers within a budget out."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._core import (
    AsGood,
    AsyncHyperband,
    AttemptOver,
    Cascade,
    CascadeComparison,
    CascadeFront,
    CascadeReport,
    Categorical,
    Certificate,
    ClassReport,
    CoPlan,
    CoPlanPoint,
    CostReport,
    Device,
    DeviceError,
    Diversity,
    DriftMonitor,
    DriftPart,
    Ensemble,
    EnsembleFront,
    Error,
    Estimate,
    EvaluatedPoint,
    FileError,
    Float,
    FrontEvaluation,
    GreedyPath,
    Int,
    Job,
    ModelLibrary,
    Plan,
    PlanChange,
    Predictions,
    Profile,
    Progress,
    Replan,
    Router,
    RouterFront,
    Simulation,
    SingleComparison,
    Study,
    StudyStopped,
    Tier,
    Trial,
    TrialJob,
    answer_features,
    calibrate,
    co_plan,
    cpu_devices,
    device_bytes,
    discover_devices,
    diversity,
    evaluate,
    evaluate_front,
    find_cascades,
    fit_router,
    fit_routers,
    greedy,
    greedy_cascades,
    loss,
    measured_parallelism,
    plan,
    replan,
    select,
    simulate,
)
from .arrivals import arrivals_from, poisson_arrivals
from .compiling import compile_model
from .report import report
from .report.plot import plot_cascades, plot_front, plot_plan

if TYPE_CHECKING:
    from ._infer import Answer, Cancelled, DeadlineExceeded, Engine, Pending, QueueFull, Replay, ReplayedDevices
    from .library_compiling import compile_models
    from .variants import Variant, add_variants

__all__ = [
    "Answer",
    "AsGood",
    "AsyncHyperband",
    "AttemptOver",
    "Cancelled",
    "Cascade",
    "CascadeComparison",
    "CascadeFront",
    "CascadeReport",
    "Categorical",
    "Certificate",
    "ClassReport",
    "CoPlan",
    "CoPlanPoint",
    "CostReport",
    "DeadlineExceeded",
    "Device",
    "DeviceError",
    "Diversity",
    "DriftMonitor",
    "DriftPart",
    "Engine",
    "Ensemble",
    "EnsembleFront",
    "Error",
    "Estimate",
    "EvaluatedPoint",
    "FileError",
    "Float",
    "FrontEvaluation",
    "GreedyPath",
    "Int",
    "Job",
    "ModelLibrary",
    "Pending",
    "Plan",
    "PlanChange",
    "Predictions",
    "Profile",
    "Progress",
    "QueueFull",
    "Replan",
    "Replay",
    "ReplayedDevices",
    "Router",
    "RouterFront",
    "Simulation",
    "SingleComparison",
    "Study",
    "StudyStopped",
    "Tier",
    "Trial",
    "TrialJob",
    "Variant",
    "add_variants",
    "answer_features",
    "arrivals_from",
    "calibrate",
    "co_plan",
    "compile_model",
    "compile_models",
    "cpu_devices",
    "device_bytes",
    "discover_devices",
    "diversity",
    "evaluate",
    "evaluate_front",
    "find_cascades",
    "fit_router",
    "fit_routers",
    "greedy",
    "greedy_cascades",
    "loss",
    "measured_parallelism",
    "plan",
    "plot_cascades",
    "plot_front",
    "plot_plan",
    "poisson_arrivals",
    "replan",
    "report",
    "select",
    "simulate",
]


_OF_THE_ENGINE = ("Answer", "Cancelled", "DeadlineExceeded", "Engine", "Pending", "QueueFull", "Replay", "ReplayedDevices")
_SELDOM = {"compile_models": ".library_compiling", "Variant": ".variants", "add_variants": ".variants"}


def __getattr__(name: str) -> Any:
    """Loads the engine, which brings LibTorch, and what brings other libraries or much code, when it is asked for."""
    if name in ("exports", "optuna", "profiles", "ray", "tasks", "tensorboard"):
        return importlib.import_module(f".{name}", __name__)
    if name in _SELDOM:
        return getattr(importlib.import_module(_SELDOM[name], __name__), name)
    if name not in _OF_THE_ENGINE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module("._infer", __name__)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"quorate.{name} needs the engine, which this installation was built without: install torch first"
        ) from error
    value = getattr(module, name)
    globals()[name] = value
    return value
