"""A study as runs that TensorBoard shows: a curve of each trial's losses, and all trials in the HParams tab."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._core import Categorical, Float

try:
    from tensorboard.compat.proto import event_pb2, summary_pb2
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
    from tensorboard.plugins.hparams import summary_v2 as hp
    from tensorboard.summary.writer.record_writer import RecordWriter
except ModuleNotFoundError as error:
    raise ImportError(
        "quorate.tensorboard needs TensorBoard, which is not installed: pip install 'quorate[tensorboard]'"
    ) from error

if TYPE_CHECKING:
    from ._core import Int, Study, Trial


def export_study(study: Study, folder: str | os.PathLike[str]) -> Path:
    """Writes the study, as it is now, for `tensorboard --logdir folder`, and returns the folder.

    Each trial is a run "trial-0007": its configuration as hyperparameters, each objective at every resource that it was
    reported at as a scalar, the resource as the step; a trial that failed has the status failure, one that runs or waits is
    running. Raises ValueError where the folder is not empty, as TensorBoard would show what is there beside it.
    """
    path = Path(folder)
    if path.exists() and any(path.iterdir()):
        raise ValueError(f"folder is {path}, which is not empty, but must be new or empty")
    trials, space, objectives = study.trials(), study.space, study.objectives
    began_s = min((trial.started_s for trial in trials), default=0.0)
    experiment = hp.hparams_config_pb(
        [hp.HParam(name, _domain(parameter)) for name, parameter in space.items()],
        [hp.Metric(objective) for objective in objectives],
        time_created_secs=began_s,
    )
    _write(path, began_s, [event_pb2.Event(wall_time=began_s, summary=experiment)])
    for trial in trials:
        _write(path / _run(trial), trial.started_s, _events(trial, space, objectives))
    return path


def _domain(parameter: Float | Int | Categorical) -> Any:
    if isinstance(parameter, Float):
        return hp.RealInterval(parameter.low, parameter.high)
    if not isinstance(parameter, Categorical):
        return hp.IntInterval(parameter.low, parameter.high)
    return hp.Discrete([_shown(choice, parameter) for choice in parameter.choices])


def _shown(value: Any, parameter: Float | Int | Categorical) -> Any:
    """Choices of several types as text: TensorBoard wants a hyperparameter's values of one."""
    mixed = isinstance(parameter, Categorical) and len({type(choice) for choice in parameter.choices}) > 1
    return repr(value) if mixed else value


def _run(trial: Trial) -> str:
    return f"trial-{trial.number:04d}"


def _events(trial: Trial, space: Mapping[str, Float | Int | Categorical], objectives: Sequence[str]) -> list[Any]:
    values = trial.values or {resource: [loss] for resource, loss in trial.losses.items()}
    config = {name: _shown(value, space[name]) for name, value in trial.config.items()}
    start = hp.hparams_pb(config, trial_id=_run(trial), start_time_secs=trial.started_s)
    events = [event_pb2.Event(wall_time=trial.started_s, summary=start)]
    for resource, losses in sorted(values.items()):
        scalars = [
            summary_pb2.Summary.Value(tag=name, simple_value=loss) for name, loss in zip(objectives, losses, strict=True)
        ]
        # Only when a trial last changed is known: its steps, not its times, are what a curve is drawn over.
        events.append(event_pb2.Event(wall_time=trial.changed_s, step=resource, summary=summary_pb2.Summary(value=scalars)))
    return [*events, event_pb2.Event(wall_time=trial.changed_s, summary=_end(trial))]


def _end(trial: Trial) -> Any:
    under_way = trial.state in ("running", "waiting")
    status = api_pb2.STATUS_FAILURE if trial.state == "failed" else api_pb2.STATUS_SUCCESS
    end = plugin_data_pb2.SessionEndInfo(
        status=api_pb2.STATUS_RUNNING if under_way else status, end_time_secs=None if under_way else trial.changed_s
    )
    about = metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(session_end_info=end))
    value = summary_pb2.Summary.Value(tag=metadata.SESSION_END_INFO_TAG, metadata=about, tensor=metadata.NULL_TENSOR)
    return summary_pb2.Summary(value=[value])


def _write(folder: Path, began_s: float, events: Sequence[Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"events.out.tfevents.{int(began_s):010d}.quorate").open("wb") as file:
        writer = RecordWriter(file)
        for event in [event_pb2.Event(wall_time=began_s, file_version="brain.Event:2"), *events]:
            writer.write(event.SerializeToString())
