import importlib
import json

import pytest

import quorate.bench
from quorate.bench.table import Report, Row, in_turns, plain_table, seconds


def test_sides_are_timed_in_turns():
    order = []
    taken = in_turns({"ours": lambda: order.append("ours"), "peer": lambda: order.append("peer")}, repeats=3)
    assert order == ["ours", "peer"] * 3
    assert set(taken) == {"ours", "peer"} and min(taken.values()) >= 0


def test_ratio_is_the_peers_time_over_ours():
    assert Row("case", 0.5, "peer", 2.0).ratio == 4.0
    assert Row("case", 0.5, "peer", None).ratio is None


def test_report_as_text_and_json():
    rows = [Row("a", 0.5, "peer", 2.0, 0.001, "same picks"), Row("b", 2e-6, "absent", None, note="not installed")]
    report = Report("toy", "quorate bench toy", {"cpu": "x", "cores": "2"}, rows)
    text = report.to_text()
    for part in ("500 ms", "2 s", "4x", "1 ms", "2 us", "not installed", "quorate bench toy", "cpu x, cores 2"):
        assert part in text
    document = json.loads(report.to_json())
    assert document["rows"][0]["ratio"] == 4.0 and document["rows"][1]["peer_s"] is None
    assert document["command"] == "quorate bench toy"


def test_plain_table_needs_nothing_installed():
    assert plain_table(["case", "ours"], [["long one", "1 s"]]) == "case      ours\nlong one  1 s"


def test_seconds_are_readable():
    assert [seconds(value) for value in (None, 12.3456, 0.0123, 4.5e-5, 3e-9)] == ["-", "12.3 s", "12.3 ms", "45 us", "3 ns"]


COMPILES_FOR_MINUTES = {"networks", "variants"}


@pytest.mark.parametrize("name", quorate.bench.NAMES)
def test_each_benchmark_is_there(name):
    assert callable(importlib.import_module(f"quorate.bench.{name}").rows)


@pytest.mark.parametrize("name", [name for name in quorate.bench.NAMES if name not in COMPILES_FOR_MINUTES])
def test_each_benchmark_runs(name, capsys):
    report = quorate.bench.run(name, repeats=1, as_json=True)
    assert json.loads(capsys.readouterr().out) == json.loads(report.to_json())
    assert report.rows and all(row.ours_s > 0 for row in report.rows)
    assert all(row.peer_s is not None or "not installed" in row.note or "no peer" in row.note for row in report.rows)


def test_bad_arguments_are_named():
    with pytest.raises(
        ValueError, match='name is "speed", but must be one of infer, networks, plan, route, search, select, variants'
    ):
        quorate.bench.run("speed")
    with pytest.raises(ValueError, match="repeats is 0, but must be at least 1"):
        quorate.bench.run("select", repeats=0)
