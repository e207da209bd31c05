"""What must hold of a study after a campaign, whatever was killed."""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import events as stored
import killer
import numpy as np
import records
import training
from rules import Rules

import quorate as qr

FAILED_AS = {"run": "ended by SIGKILL", "ask": "lease"}  # what is said of an attempt whose worker was killed


@dataclass
class Verdict:
    figures: dict[str, object] = field(default_factory=dict)  # in the order of the table
    broken: list[str] = field(default_factory=list)

    def must(self, holds: bool, what: str) -> None:
        if not holds:
            self.broken.append(what)


def same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


def check_reports(verdict: Verdict, trials: list[qr.Trial], folder: Path) -> None:
    acknowledged = records.read_acknowledged(folder)
    known = {trial.number: trial for trial in trials}
    lost = altered = 0
    for entry in acknowledged:
        losses = known[int(entry.trial)].losses if int(entry.trial) in known else {}
        if entry.resource not in losses:
            lost += 1
        else:
            altered += not same(losses[entry.resource], entry.loss)
    invented = sum(
        not same(loss, training.loss_of(trial.config, resource))
        for trial in trials
        for resource, loss in trial.losses.items()
    )
    verdict.figures |= {"acknowledged reports": len(acknowledged), "lost": lost, "altered": altered + invented}
    verdict.must(lost == 0, f"{lost} acknowledged reports are lost")
    verdict.must(altered + invented == 0, f"{altered + invented} losses are not those that were reported")


def check_rules(verdict: Verdict, study: qr.Study, events: list[stored.Event], at_once: int | None) -> None:
    """`at_once`: how many jobs may be open."""
    rules = Rules(study.rungs, round(study.eta), {t.number: t.bracket for t in study.trials()}, at_once)
    rules.read(events)
    verdict.broken += rules.broken[:5]
    counts = Counter({resource: 0 for resource in study.rungs})
    for bracket in rules.at:
        for resource, rung in zip(study.rungs, bracket, strict=True):
            counts[resource] += rung.losses
    verdict.must(dict(study.progress().rungs) == dict(counts), f"rungs are {study.progress().rungs}, but must be {counts}")
    verdict.must(rules.candidate() is None and not rules.target, "something is left to do")
    twice = sum(count > 1 for count in Counter((e.trial, e.resource) for e in events if e.kind == "report").values())
    verdict.figures |= {
        "doubled": twice,
        "promotions, all legal": rules.promotions,
        "breaches of the rules": len(rules.broken),
    }


def check_kills(verdict: Verdict, folder: Path, events: list[stored.Event], how: str) -> None:
    """A killed worker is a failed attempt, and nobody else is."""
    last = records.read_work(folder).last_attempt or {}
    ending = {(str(e.trial), e.attempt): e for e in events if e.kind in ("done", "failed", "gave_up")}
    starts = {(str(e.trial), e.attempt): e.time_s for e in events if e.kind == "start"}
    kills = killer.read_kills(folder)
    ends_of_scheduler = [kill.at_s for kill in kills if kill.what != "worker"]
    ends_of_scheduler += [entry["at_s"] for entry in killer.entries(folder, "stopped.jsonl")]
    counted = between = overtaken = 0
    blamed = set()
    for kill in kills:
        attempts = [last[pid] for pid in kill.pids if pid in last]
        blamed |= set(attempts)
        if kill.what != "worker":
            continue
        end = ending.get(attempts[0]) if attempts else None
        if end is not None and end.kind == "failed":
            verdict.must(FAILED_AS[how] in end.text, f"trial {end.trial}: {end.text}")
            counted += 1
        elif end is not None or not attempts:
            between += 1  # its job was done and the next had not begun, or it had none yet
        else:
            overtaken += 1
            trial, attempt = attempts[0]
            again = starts.get((trial, attempt + 1))
            known = again is None or any(kill.at_s <= at_s <= again for at_s in ends_of_scheduler)
            verdict.must(known, f"the death of process {kill.pids[0]} was not counted against {attempts[0]}")
    failed = [key for key, e in ending.items() if e.kind == "failed"]
    verdict.figures |= {
        "worker kills counted as failed attempts": counted,
        "worker kills between jobs or while starting": between,
        "worker kills overtaken by one of the scheduler": overtaken,
    }
    others = [ending[key] for key in failed if key not in blamed]
    if how == "run":
        strangers = [e for e in others if "ended by SIGKILL" not in e.text]
        hit = sum(len(kill.pids) - (kill.what in ("scheduler", "both")) for kill in kills)
        verdict.must(len(failed) <= hit, f"{len(failed)} attempts failed, but only {hit} workers can have been killed")
        verdict.must(not strangers, f"{len(strangers)} attempts failed that nobody killed: {strangers[:2]}")
    else:
        without = [
            key for key in {(e.trial, e.attempt) for e in events if e.kind == "start"} if (str(key[0]), key[1]) not in ending
        ]
        verdict.must(not without, f"attempts {without[:5]} have no end")
        late = records.lines(folder / "late")
        strange = records.lines(folder / "strange")
        verdict.must(not strange, f"{len(strange)} messages that were said again had another answer: {strange[:2]}")
        verdict.figures |= {"leases that ran out": len(failed), "late workers that were told so": len(late)}


def check_library(verdict: Verdict, study: qr.Study, folder: Path) -> None:
    """Every model whose name a worker was given is there, and all that are there are whole."""
    given = {name: (int(trial), int(resource)) for name, trial, resource in records.lines(folder / "models")}
    library = study.library
    names = list(library.names)
    verdict.must(set(given) <= set(names), f"models are lost: {sorted(set(given) - set(names))[:3]}")
    scores = library.predictions("valid").probs if names else np.zeros((0, 8, 3), np.float32)
    for name, got in zip(library.predictions("valid").names if names else [], np.asarray(scores), strict=True):
        match = re.fullmatch(r"t(\d+)r(\d+)", name)
        assert match is not None, name
        wanted = training.scores_of(int(match[1]), int(match[2]))
        verdict.must(np.allclose(got, wanted, atol=1e-3), f"model {name} is not the one that was added")
    verdict.figures["models, all whole"] = len(names)


def check(folder: Path, how: str, at_once: int | None) -> Verdict:
    """After a campaign of Study.run or Study.ask, and a last run that was left in peace."""
    verdict = Verdict()
    began = time.perf_counter()
    study = qr.Study(folder / "study", **training.OPTIONS)
    open_s = time.perf_counter() - began
    events = stored.read(folder / "study")
    trials = study.trials()
    work = records.read_work(folder)
    check_reports(verdict, trials, folder)
    check_rules(verdict, study, events, at_once)
    unfinished = [t.number for t in trials if t.state not in ("paused", "completed", "stopped")]
    verdict.must(not unfinished, f"trials {unfinished[:5]} did not end")
    verdict.figures |= {"trials": len(trials), "trials without an end": len(unfinished)}
    verdict.figures |= {"steps": work.steps, "steps repeated": f"{work.repeated} ({100 * work.repeated_share:.2f} %)"}
    check_kills(verdict, folder, events, how)
    check_library(verdict, study, folder)
    ended = killer.entries(folder, "ended.jsonl")
    unready = [end for end in ended if "before it could train" in str(end["errors"])]
    verdict.figures["runs that ended as their first worker was killed before it was ready"] = len(unready)
    verdict.must(len(ended) == len(unready), f"runs ended by themselves: {ended[:2]}")
    verdict.figures["opening it in the end (ms)"] = round(1000 * open_s)
    return verdict
