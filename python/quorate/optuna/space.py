"""A space as Optuna's distributions, configurations as its parameters, and both ways back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from .._core import Categorical, Float, Int

Value = bool | int | float | str
Parameter = Float | Int | Categorical
Space = Mapping[str, Parameter]


def labels(choices: Sequence[Value]) -> list[Value]:
    """The choices as Optuna is given them: as they are, or where it could not tell two apart (1 and True), as text."""
    return list(choices) if len(set(choices)) == len(choices) else [repr(choice) for choice in choices]


def _distribution(parameter: Parameter) -> BaseDistribution:
    if isinstance(parameter, Float):
        return FloatDistribution(parameter.low, parameter.high, log=parameter.log)
    if isinstance(parameter, Int):
        return IntDistribution(parameter.low, parameter.high, log=parameter.log)
    return CategoricalDistribution(labels(parameter.choices))


def distributions_of(space: Space) -> dict[str, BaseDistribution]:
    """Ranges and choices as they are. Optuna's ranges hold their upper end, which ours allow but do not draw."""
    return {name: _distribution(parameter) for name, parameter in space.items()}


def _index(value: Value, choices: Sequence[Value]) -> int:
    """Of the choice that has this value and this type."""
    return next(i for i, choice in enumerate(choices) if choice == value and type(choice) is type(value))


def params_of(config: Mapping[str, Value], space: Space) -> dict[str, Value]:
    """A configuration as Optuna's parameters."""
    params = dict(config)
    for name, parameter in space.items():
        if isinstance(parameter, Categorical):
            choices = parameter.choices
            params[name] = labels(choices)[_index(config[name], choices)]
    return params


def _value(given: Any, name: str, parameter: Parameter) -> Value:
    if isinstance(parameter, Categorical):
        return parameter.choices[labels(parameter.choices).index(given)]
    low, high = parameter.low, parameter.high
    if not float(low) <= given <= float(high):  # GridSampler, for one, may give any value
        raise ValueError(f'the sampler chose {given!r} for "{name}", but must choose from {low} to {high}')
    if isinstance(parameter, Float):
        return float(given)
    return min(max(int(given), parameter.low), parameter.high)  # Optuna keeps them as float, exact up to 2**53


def config_from(params: Mapping[str, Any], space: Space) -> dict[str, Value]:
    """Optuna's parameters as a configuration, each value of its parameter's type and in its range."""
    return {name: _value(params[name], name, parameter) for name, parameter in space.items()}


def _parameter(name: str, distribution: BaseDistribution) -> Parameter:
    if isinstance(distribution, FloatDistribution) and distribution.step is None:
        return Float(distribution.low, distribution.high, log=distribution.log)
    if isinstance(distribution, IntDistribution) and distribution.step == 1:
        return Int(distribution.low, distribution.high, log=distribution.log)
    if isinstance(distribution, CategoricalDistribution) and None not in distribution.choices:
        return Categorical(distribution.choices)
    raise ValueError(
        f'the parameter "{name}" has the distribution {distribution}, but must have a FloatDistribution or IntDistribution '
        "without a step or a CategoricalDistribution without None"
    )


def space_of(trials: Sequence[optuna.trial.FrozenTrial]) -> dict[str, Parameter]:
    """The space that all of these trials were drawn from. Raises ValueError where they differ in it."""
    first = trials[0]
    for trial in trials[1:]:
        if trial.distributions != first.distributions:
            raise ValueError(
                f"trial {trial.number} has the parameters {trial.distributions}, but must have those of trial "
                f"{first.number}, {first.distributions}"
            )
    return {name: _parameter(name, distribution) for name, distribution in first.distributions.items()}
