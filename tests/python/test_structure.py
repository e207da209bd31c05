"""The rules that hold the code's shape: who may include whom, what public headers show, what importing costs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Modules in the only direction that includes may go. Leaving a row out is no way around it: a folder without one fails.
MAY_INCLUDE = {
    "core": set(),
    "library": {"core"},
    "search": {"core", "library"},
    "select": {"core", "library"},
    "route": {"core", "library", "select"},
    "plan": {"core"},
    "joint": {"core", "library", "select", "route", "plan"},
    "infer": {"core", "library", "select", "route", "plan"},
    "serve": {"core", "infer"},
}
MOST_LINES = 600
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
SOURCES = {".h", ".cc", ".cu"}


def sources(*folders):
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*")) if path.suffix in SOURCES]


def named(path):
    return str(path.relative_to(ROOT))


def module_of(path):
    return path.relative_to(ROOT / ("src" if "src" in path.relative_to(ROOT).parts else "include/quorate")).parts[0]


def foreign_includes(text, module):
    """Quoted includes that go against the table, or to no module at all."""
    allowed = MAY_INCLUDE[module] | {module}
    quoted = [target for mark, target in INCLUDE.findall(text) if mark == '"']
    return [target for target in quoted if target.removeprefix("quorate/").split("/")[0] not in allowed or "/" not in target]


def private_things(text):
    """What a public header must not show: headers of other projects, private headers, conditional compilation."""
    wrong = [
        t
        for mark, t in INCLUDE.findall(text)
        if not (re.fullmatch(r"[a-z_]+", t) if mark == "<" else t.startswith("quorate/"))
    ]
    return wrong + re.findall(r"^\s*#\s*(?:if|ifdef|ifndef|elif|define)\b.*", text, re.MULTILINE)


def test_there_is_something_to_check():
    modules = {module_of(path) for path in sources("include/quorate", "src")}
    assert {"core", "library", "search", "select", "route", "plan"} <= modules <= set(MAY_INCLUDE)


@pytest.mark.parametrize("path", sources("include/quorate", "src"), ids=named)
def test_includes_go_in_one_direction(path):
    assert foreign_includes(path.read_text(), module_of(path)) == []


@pytest.mark.parametrize("path", sources("include"), ids=named)
def test_public_headers_show_standard_types_only(path):
    text = path.read_text()
    assert private_things(text) == []
    assert text.count("#pragma once") == 1


@pytest.mark.parametrize("path", sources("include", "src"), ids=named)
def test_files_are_short(path):
    assert len(path.read_text().splitlines()) <= MOST_LINES


def test_the_checks_can_fail():
    text = '#include "quorate/plan/plan.h"\n#include "select/x.h"\n#include "core/y.h"\n#include "z.h"\n'
    assert foreign_includes(text, "select") == ["quorate/plan/plan.h", "z.h"]
    assert foreign_includes(text, "core") == ["quorate/plan/plan.h", "select/x.h", "z.h"]
    header = '#include <vector>\n#include <sys/file.h>\n#include <torch/torch.h>\n#include "core/json.h"\n#ifdef X\n#endif\n'
    assert private_things(header) == ["sys/file.h", "torch/torch.h", "core/json.h", "#ifdef X"]


def test_importing_loads_neither_torch_nor_numpy():
    program = "import sys, quorate; print(sorted({'torch', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_two_headers_define_a_class_of_the_same_name():
    """All modules share one namespace: two classes of one name in two of them would be mixed up by the linker."""
    found: dict[str, Path] = {}
    for header in sorted([*ROOT.glob("include/**/*.h"), *ROOT.glob("src/**/*.h")]):
        for name in re.findall(r"^(?:struct|class) (\w+)(?: final)?(?: : [^;{]*)? \{", header.read_text(), re.MULTILINE):
            assert name not in found, f"{name} is defined in {found[name]} and in {header}"
            found[name] = header
