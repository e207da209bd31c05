"""What the page is drawn from: plain values, so that every drawing can be tried by hand."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Trial:
    number: int
    state: str
    losses: dict[int, float]  # by resource, ascending


@dataclass(frozen=True)
class Search:
    trials: list[Trial]
    rungs: list[int]  # resources, ascending
    metric: str = "loss"


@dataclass(frozen=True)
class Point:
    cost: float  # of a sample, in the cost's unit
    error: float  # share of samples answered wrongly, in [0, 1]
    label: str = ""


@dataclass(frozen=True)
class Fronts:
    singles: list[Point]
    ensembles: list[Point]  # ascending cost
    cascades: list[Point]  # ascending cost
    chosen: list[Point]  # with labels
    cost_key: str  # "latency_s", "flops" ...
    split: str = "valid"


@dataclass(frozen=True)
class LossPoint:
    """An ensemble on a front; what stands on held-out data is None where there is none."""

    cost: float  # of a sample
    selected: float  # loss on the data of the selection
    label: str = ""
    loss: float | None = None  # on held-out data, with its interval
    low: float = 0.0
    high: float = 0.0
    single: float | None = None  # held-out loss of the best model alone that is no dearer
    single_label: str = ""


@dataclass(frozen=True)
class FrontView:
    points: list[LossPoint]  # cheapest first
    cost_name: str  # "latency_s", "flops" ...
    metric: str = "loss"
    selected_on: str = "the data of the selection"
    held_out: str = "held-out data"
    level: float = 0.95
    best_single: float | None = None  # held-out loss of the best model alone of all
    best_single_label: str = ""
    table: Table | None = None  # the same in figures


@dataclass(frozen=True)
class DiversityView:
    names: list[str]  # of the members
    split: str  # that it was measured on
    disagreement: list[list[float]] | None  # [members, members], in [0, 1]
    error_correlation: list[list[float]]  # [members, members], in [-1, 1]
    of: str = ""  # which ensemble


@dataclass(frozen=True)
class TierView:
    members: list[str]
    signal: str
    threshold: float
    reach: float  # share of the samples that are asked here
    answered: float  # share of all samples that stop here


@dataclass(frozen=True)
class CascadesView:
    """A front of cascades; `held_out` holds mean cost, its lower and its upper end on other data, or None."""

    points: list[LossPoint]  # as found; loss, low and high on held-out data where measured
    held_out: list[tuple[float, float, float] | None]  # [points]
    singles: list[Point]  # on held-out data
    whole: Point | None  # the mean of all models
    cost_name: str
    found_on: str = "the data of the search"
    held_out_name: str = "held-out data"
    level: float = 0.95


@dataclass(frozen=True)
class CascadeView:
    tiers: list[TierView]
    split: str  # that `reach` was measured on
    certificate: str  # in words; empty where there is none
    figures: list[str] = field(default_factory=list)  # lines
    comparison: Table | None = None
    classes: Table | None = None
    front: CascadesView | None = None  # where there is held-out data


@dataclass(frozen=True)
class Instance:
    model: str
    batch: int
    share: float  # of the device's time, in [0, 1]
    memory_bytes: int  # that stay between batches
    workspace_bytes: int = 0  # that a batch takes besides


@dataclass(frozen=True)
class DeviceView:
    name: str
    kind: str
    memory_bytes: int
    instances: list[Instance]


@dataclass(frozen=True)
class BatchView:
    device: int  # index
    model: str
    samples: int
    begin_s: float  # from the first arrival
    end_s: float


@dataclass(frozen=True)
class StretchView:
    """The beginning of a simulated stream, and how the whole of it went."""

    batches: list[BatchView]
    span_s: float
    stream: str  # in words
    p50_latency_s: float
    p99_latency_s: float
    utilisation: list[float]  # [devices]


@dataclass(frozen=True)
class PlanView:
    devices: list[DeviceView]
    throughput_per_s: float
    bound_per_s: float
    why: str = ""  # where no plan is feasible
    stretch: StretchView | None = None


@dataclass(frozen=True)
class Table:
    columns: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Run:
    title: str
    search: Search | None = None
    fronts: Fronts | None = None
    cascade: CascadeView | None = None
    plan: PlanView | None = None
    table: Table | None = None
    front: FrontView | None = None
    diversity: DiversityView | None = None
