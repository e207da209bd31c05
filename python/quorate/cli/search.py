"""`quorate search`: asynchronous Hyperband over the training function of a script."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from ..report.numbers import short
from .app import Failure
from .output import as_json, show, show_json
from .script import load_script, required


def _setting(given: Any, script: Any, name: str, default: Any) -> Any:
    """The command line's value, else the script's, else the default."""
    return given if given is not None else getattr(script, name, default)


@click.command()
@click.argument("script", type=click.Path(path_type=Path))
@click.option("--folder", type=click.Path(path_type=Path), help="The run folder. Default: runs/<the script's name>.")
@click.option("--trials", type=int, help="Trials in all. Default: the script's `trials`, else 100.")
@click.option("--workers", type=int, help="Default: the script's `workers`, else 1.")
@click.option("--max-resource", type=int, help="Default: the script's `max_resource`, else 27.")
@click.option("--eta", type=float, help="One in eta goes on. Default: the script's `eta`, else 3.")
@click.option("--seed", type=int, help="Default: the script's `seed`, else 0.")
@click.option("--executor", help="threads or processes. Default: the script's `executor`, else processes.")
@click.option("--top", default=10, show_default=True, help="Trials to print, best first.")
@as_json
def search(
    script: Path, folder: Path | None, trials: int | None, workers: int | None, max_resource: int | None, eta: float | None,
    seed: int | None, executor: str | None, top: int, json_output: bool,
) -> None:  # fmt: skip
    """Search with SCRIPT, a Python file that defines `space` (a dictionary of parameters) and `train(job)`.

    It may define `labels`, a dictionary {split: true classes} or a function that returns one, for the predictions that train
    adds to the library; `sample`, one input [1, ...] as the models take it; and defaults for the options. The same command
    goes on where it was.
    """
    import quorate as qr

    from ..folder import RunFolder, save_array

    module = load_script(script)
    space = required(module, "space", "a dictionary of parameters, {'lr': qr.Float(1e-4, 1e-1, log=True)}")
    train = required(module, "train", "a function of one argument, the job")
    path = folder or Path("runs") / script.stem
    wanted = int(_setting(trials, module, "trials", 100))
    study = qr.Study(
        path, space=space, max_resource=int(_setting(max_resource, module, "max_resource", 27)),
        eta=float(_setting(eta, module, "eta", 3.0)), seed=int(_setting(seed, module, "seed", 0)),
    )  # fmt: skip
    labels = getattr(module, "labels", {})
    for split, classes in (labels() if callable(labels) else labels).items():
        study.library.set_labels(split, classes)
    if hasattr(module, "sample"):
        save_array(RunFolder(path).sample, module.sample)
    try:
        study.run(
            train, trials=wanted, workers=int(_setting(workers, module, "workers", 1)),
            executor=str(_setting(executor, module, "executor", "processes")), progress=True,
        )  # fmt: skip
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(f"stopped; the same command goes on where it was: {path} holds what is done") from interrupt
    _print(study, path, top, json_output)


def _finite(losses: dict[int, float]) -> dict[int, float | None]:
    """JSON knows no NaN: null stands for it."""
    return {resource: loss if math.isfinite(loss) else None for resource, loss in losses.items()}


def _print(study: Any, path: Path, top: int, json_output: bool) -> None:
    best = study.best()
    ranked = sorted((t for t in study.trials() if t.losses), key=lambda t: (-max(t.losses), t.losses[max(t.losses)]))
    if json_output:
        listed = [
            {"number": t.number, "state": t.state, "config": t.config, "losses": _finite(t.losses), "message": t.message}
            for t in study.trials()
        ]
        show_json(
            {"folder": str(path), "best": best.number if best else None, "models": len(study.library), "trials": listed}
        )
        return
    rows = [
        [str(t.number), t.state, str(max(t.losses)), short(t.losses[max(t.losses)], 4),
         "  ".join(f"{k}={short(v) if isinstance(v, float) else v}" for k, v in t.config.items())]
        for t in ranked[:top]
    ]  # fmt: skip
    notes = [f"{len(study.trials())} trials, {len(study.library)} models in {path / 'library'}"]
    failed = [t for t in study.trials() if t.state == "failed"]
    if failed:
        notes.append(f"{len(failed)} failed; trial {failed[0].number}: {failed[0].message.strip().splitlines()[0]}")
    show(["trial", "state", "resource", "loss", "configuration"], rows, notes=notes)
    if failed and len(failed) == len(study.trials()):
        raise Failure("all trials failed")
