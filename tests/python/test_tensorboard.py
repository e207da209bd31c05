"""A study in TensorBoard, read back by TensorBoard itself."""

import importlib
import math
import sys

import pytest
import small_study

import quorate as qr

pytest.importorskip("tensorboard")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer  # noqa: E402
from tensorboard.context import RequestContext  # noqa: E402
from tensorboard.plugins import base_plugin  # noqa: E402
from tensorboard.plugins.hparams import api_pb2, backend_context, get_experiment, list_session_groups  # noqa: E402

from quorate.tensorboard import export_study  # noqa: E402


@pytest.fixture
def hparams():
    """The HParams tab's experiment and session groups of a folder."""

    def read(folder):
        multiplexer = plugin_event_multiplexer.EventMultiplexer()
        multiplexer.AddRunsFromDirectory(str(folder))
        multiplexer.Reload()
        provider = data_provider.MultiplexerDataProvider(multiplexer, str(folder))
        backend = backend_context.Context(base_plugin.TBContext(data_provider=provider))
        context = RequestContext()
        experiment = get_experiment.Handler(context, backend, "", api_pb2.GetExperimentRequest()).run()
        request = api_pb2.ListSessionGroupsRequest(
            allowed_statuses=api_pb2.Status.values(),
            aggregation_type=api_pb2.AGGREGATION_AVG,
            include_metrics=True,
            slice_size=100,
        )
        groups = list_session_groups.Handler(context, backend, "", request).run()
        return experiment, {group.name: group for group in groups.session_groups}, multiplexer

    return read


def of(group):
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in group.hparams.items()}


def test_the_hparams_tab(tmp_path, hparams):
    study = small_study.every_state(tmp_path)
    experiment, groups, multiplexer = hparams(export_study(study, tmp_path / "board"))
    ranges = {info.name: info for info in experiment.hparam_infos}
    assert ranges.keys() == small_study.SPACE.keys()
    assert (ranges["lr"].domain_interval.min_value, ranges["width"].domain_interval.max_value) == (1e-4, 128)
    assert {value.string_value for value in ranges["act"].domain_discrete.values} == {"relu", "gelu"}
    assert [info.name.tag for info in experiment.metric_infos] == ["loss"]
    assert sorted(groups) == [f"trial-{number:04d}" for number in range(9)]
    assert of(groups["trial-0000"]) == {"lr": 0.01, "width": 8, "act": "relu", "odd": "1"}
    assert of(groups["trial-0002"])["odd"] == "'1'"
    metric = groups["trial-0000"].metric_values[0]
    assert (metric.name.tag, metric.training_step, metric.value) == ("loss", 9, 0.25)
    states = {name: group.sessions[0].status for name, group in groups.items()}
    assert states["trial-0003"] == api_pb2.STATUS_FAILURE
    assert states["trial-0000"] == states["trial-0001"] == states["trial-0002"] == api_pb2.STATUS_SUCCESS
    assert states["trial-0004"] == states["trial-0005"] == api_pb2.STATUS_RUNNING
    session = groups["trial-0000"].sessions[0]
    assert (session.start_time_secs, session.end_time_secs) == (1.7e9, 1.7e9 + 90.5)
    assert multiplexer.Runs().keys() >= {f"trial-{number:04d}" for number in range(9)}


def scalars(multiplexer, run, tag):
    return [(event.step, event.tensor_proto.float_val[0]) for event in multiplexer.Tensors(run, tag)]


def test_curves(tmp_path, hparams):
    _, _, multiplexer = hparams(export_study(small_study.every_state(tmp_path), tmp_path / "board"))
    assert scalars(multiplexer, "trial-0001", "loss") == [(1, 0.75), (3, 0.625)]
    assert scalars(multiplexer, "trial-0002", "loss") == [(1, math.inf)]
    assert math.isnan(scalars(multiplexer, "trial-0006", "loss")[0][1])


def test_several_objectives(tmp_path, hparams):
    experiment, groups, multiplexer = hparams(export_study(small_study.two_objectives(tmp_path), tmp_path / "board"))
    assert [info.name.tag for info in experiment.metric_infos] == ["error", "latency_s"]
    last = {metric.name.tag: metric.value for metric in groups["trial-0000"].metric_values}
    assert last == {"error": 0.25, "latency_s": 18.0}
    assert scalars(multiplexer, "trial-0001", "latency_s") == [(1, 2.0), (3, 6.0)]


def test_no_trials(tmp_path, hparams):
    study = small_study.SmallStudy(tmp_path, {"flag": qr.Categorical([True, False])})
    experiment, groups, _ = hparams(export_study(study, tmp_path / "board"))
    assert not groups and experiment.hparam_infos[0].name == "flag"


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "note").touch()
    with pytest.raises(ValueError, match=r"folder is .*, which is not empty, but must be new or empty"):
        export_study(small_study.every_state(tmp_path), tmp_path)


def test_without_tensorboard(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto", None)
    monkeypatch.delitem(sys.modules, "quorate.tensorboard")
    with pytest.raises(ImportError, match=r"needs TensorBoard, .*: pip install 'quorate\[tensorboard\]'"):
        importlib.import_module("quorate.tensorboard")
