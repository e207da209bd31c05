"""Lets a row of the table speak of trials, whether the search stops them or pauses and promotes them."""

from __future__ import annotations

from searches import Refused, Search, Task


class Play:
    def __init__(self, search: Search) -> None:
        self.search = search
        self.tasks: dict[int, Task] = {}  # the last of each trial
        self.last: dict[int, int] = {}  # resource of the last report
        self.answers: dict[int, bool] = {}

    def promotions(self) -> None:
        """Takes what is promoted by now."""
        while (task := self.search.ask(new=False)) is not None:
            self.tasks[task.trial] = task
            self.answers[task.trial] = True

    def new(self) -> int:
        self.promotions()
        task = self.search.ask()
        assert task is not None, "the search has nothing to hand out, but a stream of trials has no end"
        assert task.trial not in self.tasks, f"trial {task.trial} was handed out twice"
        self.tasks[task.trial] = task
        return task.trial

    def report(self, trial: int, resource: int, loss: float) -> bool | None:
        """The answer at once; None: refused. See goes_on."""
        try:
            answer = self.search.report(trial, resource, loss)
        except Refused:
            return None
        self.last[trial] = resource
        self.answers[trial] = answer
        return answer

    def goes_on(self, trial: int) -> bool:
        """Whether the trial may train beyond its last report, as things stand."""
        self.promotions()
        return self.answers.get(trial, True)

    def at_rung(self, losses: list[float], resource: int = 1) -> list[int]:
        """New trials, one after the other, each with its loss at the lowest rung."""
        trials = []
        for loss in losses:
            trials.append(self.new())
            self.report(trials[-1], resource, loss)
        return trials

    def climbers(self, losses: list[float]) -> list[int]:
        """The last three that go on of new trials with these falling losses, the best of all among them."""
        trials = self.at_rung(losses)
        on = [trial for trial in trials if self.goes_on(trial)]
        assert on and on[-1] == trials[-1], "the best loss that the lowest rung ever had does not go on"
        assert len(on) >= 3, f"of nine trials, each better than the one before, {len(on)} go on"
        return on[-3:]

    def ladder(self, best: float) -> bool:
        """Whether of nine new trials, each better than the one before, the last one climbs to rungs 3 and 9."""
        try:
            three = self.climbers([best * (10 - i) for i in range(1, 10)])
        except AssertionError:
            return False
        for i, trial in enumerate(three):
            self.report(trial, 3, best * (3 - i))
        return self.goes_on(three[-1])


def train(search: Search, task: Task, losses: dict[int, float] | list[float]) -> int:
    """Reports a task's losses, by resource, at every resource until it ends; where it ended."""
    for resource in range(task.from_resource + 1, task.to_resource + 1):
        if not search.report(task.trial, resource, losses[resource]):
            return resource
    raise AssertionError(f"trial {task.trial} was told to go on after its last resource {task.to_resource}")
