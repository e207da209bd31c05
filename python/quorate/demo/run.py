"""The whole chain, stage by stage, in one folder; whatever is there already is not done again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import read_json, write_json
from ..folder import RunFolder, load_samples, save_array
from ..placing import demand, tiers_of
from ..progress import study_line
from . import choose
from .stages import Stages, digest

if TYPE_CHECKING:
    from quorate import Cascade, Ensemble, ModelLibrary, Progress

Say = Callable[[str, str], None]

MAX_RESOURCE, ETA = 27, 3
CORES = [1, 1]
BATCH_SIZES = [1, 8, 32, 128]
PLAN_TIME_S = 1.0


@dataclass(frozen=True)
class Settings:
    folder: Path
    trials: int = 80
    workers: int = 2
    seed: int = 0
    compile_models: bool = True


def search(settings: Settings, say: Say) -> ModelLibrary:
    """Asynchronous Hyperband on worker processes; every finished rung leaves a model in the library."""
    import quorate as qr

    from .data import digits
    from .networks import space
    from .train import train

    study = qr.Study(settings.folder, space=space(), max_resource=MAX_RESOURCE, eta=ETA, seed=settings.seed)
    for split in ("valid", "calib"):
        study.library.set_labels(split, digits()[split].labels)
    save_array(RunFolder(settings.folder).sample, digits()["valid"].images[:1])

    def progress(now: Progress) -> None:
        say("search", study_line(now, settings.trials))

    say("search", "starting the workers")
    study.run(train, trials=settings.trials, workers=settings.workers, executor="processes", progress=progress)
    return study.library


def models_and_costs(library: ModelLibrary) -> str:
    """A digest of what choices are made by. A model's predictions never change; its file does when it is compiled."""
    entries = [library.entry(name) for name in library.names]
    return digest([(entry.name, sorted(entry.cost.items())) for entry in entries])


def files_of(library: ModelLibrary, names: list[str]) -> str:
    """A digest of what the engine runs."""
    return digest([(name, library.entry(name).model_sha256) for name in names])


@dataclass(frozen=True)
class Committees:
    single: Ensemble
    ensemble: Ensemble
    cascade: Cascade

    def members(self, library: ModelLibrary) -> list[str]:
        """The names of all of them."""
        indices = {member for _, _, committee in self.items() for tier in tiers_of(committee) for member in tier}
        return [library.names[index] for index in sorted(indices)]

    def items(self) -> list[tuple[str, str, Ensemble | Cascade]]:
        """(name, suffix of its plan's file, value); the folder's own plan is the cascade's."""
        return [
            ("best single model", "-single", self.single),
            ("best ensemble", "-ensemble", self.ensemble),
            ("best cascade", "", self.cascade),
        ]


def choose_committees(run: RunFolder, stages: Stages, library: ModelLibrary, say: Say) -> Committees:
    """On "valid", and the cascade's thresholds on "calib"."""
    import quorate as qr

    valid, cost = library.predictions("valid"), library.cost(choose.COST)
    models = models_and_costs(library)

    def select() -> None:
        say("select", f"{len(library)} models")
        qr.select(valid, cost=cost, metric=choose.METRIC, max_size=choose.MAX_SIZE).save(run.front)

    stages.run("select", digest(models, choose.COST, choose.METRIC, choose.MAX_SIZE), [run.front], select)
    ensemble = choose.best_ensemble(qr.EnsembleFront.load(run.front))

    def route() -> None:
        say("route", f"cascades that end with an ensemble of {len(ensemble.members)}")
        front = choose.shortcuts(valid, cost, ensemble)
        chosen = choose.best_cascade(front, qr.evaluate(ensemble, valid, cost).loss)
        calib = library.predictions("calib")
        front.save(run.cascades)
        qr.calibrate(chosen, calib, max_loss_increase=choose.MAX_LOSS_INCREASE, delta=choose.DELTA).save(run.cascade)

    promise = (choose.TOLERANCE, choose.MAX_LOSS_INCREASE, choose.DELTA)
    stages.run("route", digest(models, run.front, promise), [run.cascades, run.cascade], route)
    run.remember(cost=choose.COST, metric=choose.METRIC)
    return Committees(choose.best_single(valid, cost), ensemble, qr.Cascade.load(run.cascade))


def compile_chosen(library: ModelLibrary, committees: Committees, settings: Settings, say: Say) -> str:
    """Why members are left as TorchScript, empty where none is. Costs stay those that the choices were made by."""
    from ..compiling import NoCompiler
    from ..library_compiling import compile_models
    from ..packages import package_of
    from .data import digits

    if not settings.compile_models:
        return "--no-compile"
    example = digits()["valid"].images[: max(BATCH_SIZES)]
    waiting = [name for name in committees.members(library) if package_of(library, name) is None]
    if not waiting:
        return ""
    try:
        compile_models(library, waiting, example, max_batch=max(BATCH_SIZES), progress=lambda line: say("compile", line))
    except NoCompiler as error:
        say("compile", f"the members stay TorchScript: {error}")
        return str(error)
    return ""


def place(run: RunFolder, stages: Stages, library: ModelLibrary, committees: Committees, say: Say) -> list[Path]:
    """Measures the committees' members on this machine and plans each committee; the files of the plans."""
    import quorate as qr

    devices = qr.cpu_devices(cores=CORES)
    names = committees.members(library)

    def measure() -> None:
        def measured(cell: dict[str, Any]) -> None:
            say("profile", f"{cell['model']} on {cell['kind']}, batch {cell['batch']}")

        sample = load_samples(run.sample)
        profile = qr.Profile.measure(
            library, devices, batch_sizes=BATCH_SIZES, sample=sample, models=names, progress=measured
        )
        profile.save(run.profile)

    here = [(device.name, device.kind, list(device.cores)) for device in devices]
    stages.run("profile", digest(files_of(library, names), here, BATCH_SIZES), [run.profile], measure)
    profile = qr.Profile.load(run.profile)
    calib, cost = library.predictions("calib"), library.cost(choose.COST)
    files = []
    for name, suffix, committee in committees.items():
        file = run.path / f"plan{suffix}.json"
        wanted = demand(committee, calib, cost, profile.models)

        def plan(file: Path = file, wanted: Any = wanted, name: str = name) -> None:
            say("plan", name)
            qr.plan(profile, devices, demand=wanted, objective="throughput", time_limit_s=PLAN_TIME_S).save(file)

        stages.run(f"plan{suffix}", digest(run.profile, here, list(wanted)), [file], plan)
        files.append(file)
    return files


def answer_test(
    run: RunFolder, library: ModelLibrary, committees: Committees, plans: list[Path], why_not: str, say: Say
) -> None:
    """The only place that looks at the test images."""
    import quorate as qr

    from . import answer
    from .data import digits

    rows = []
    for (name, _, committee), file in zip(committees.items(), plans, strict=True):
        say("answer", name)
        rows.append(answer.answer(name, library, committee, qr.Plan.load(file), digits()["test"], choose.COST))
    valid, cost = library.predictions("valid"), library.cost(choose.COST)
    single, ensemble, cascade = rows
    members = answer.how_they_run(library, committees.members(library), why_not)
    on_valid = [(name, qr.evaluate(committee, valid, cost)) for name, _, committee in committees.items()]
    write_json(
        run.result,
        {
            "columns": answer.COLUMNS,
            "rows": [answer.cells(row) for row in rows],
            "notes": answer.notes(single, ensemble, cascade, members),
            "numbers": [row.as_dict() for row in rows],
            "chosen": [{"label": name, "cost": seen.mean_cost, "error": seen.loss} for name, seen in on_valid],
        },
    )


def run_demo(settings: Settings, say: Say) -> dict[str, Any]:
    """Runs what is missing, and returns the result: columns, rows, notes, numbers (see answer.Row).

    Raises what the stages raise; KeyboardInterrupt leaves the folder so that the next call goes on."""
    from ..report import report

    library = search(settings, say)
    run = RunFolder(settings.folder)
    stages = Stages(settings.folder / "stages.json")
    committees = choose_committees(run, stages, library, say)
    why_not = compile_chosen(library, committees, settings, say)
    plans = place(run, stages, library, committees, say)
    files = files_of(library, committees.members(library))
    inputs = digest(models_and_costs(library), files, why_not, run.cascade, run.front, *plans)
    stages.run("answer", inputs, [run.result], lambda: answer_test(run, library, committees, plans, why_not, say))
    say("report", "report.html")
    report(settings.folder)
    return read_json(run.result)
