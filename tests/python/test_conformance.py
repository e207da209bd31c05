"""The conformance table on ours: every row, in both modes. benchmarks/peers/conformance.py runs it on others."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))

import ours
from searches import NotOffered, hyperband_brackets
from table import ROWS

REFUSES_REPEATS = "AsyncHyperband refuses a report that came before, as its contract says; Study repeats the answer"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@pytest.mark.parametrize("mode", ["promote", "delay", "stop"])
@pytest.mark.parametrize("kind", [ours.Study, ours.Hyperband], ids=["Study", "AsyncHyperband"])
def test_row(kind, mode, row, tmp_path):
    if kind is ours.Hyperband and row.name == "a repeated report, same answer":
        pytest.skip(REFUSES_REPEATS)
    try:
        row.check(ours.Study(mode, tmp_path) if kind is ours.Study else ours.Hyperband(mode))
    except NotOffered as reason:
        pytest.skip(str(reason))


def test_rows_have_names_of_their_own():
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    ("max_resource", "eta", "brackets"), [(1, 3, 1), (26, 3, 3), (27, 3, 4), (243, 3, 6), (1000, 10, 4)]
)
def test_brackets_are_counted_without_rounding(max_resource, eta, brackets):
    assert hyperband_brackets(max_resource, eta) == brackets
