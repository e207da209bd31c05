"""A certificate in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .numbers import percent

if TYPE_CHECKING:
    from .. import Certificate


def promised(certificate: Certificate) -> str:
    """The sentence's end after "the cascade's error rate is"."""
    if certificate.max_loss is not None:
        return f"at most {percent(certificate.max_loss)}"
    return f"at most {100 * certificate.max_loss_increase:.1f} points above that without early stops"


def measured(certificate: Certificate) -> str:
    if certificate.max_loss is not None:
        return percent(certificate.measured)
    return f"{100 * certificate.measured:+.1f} points, without early stops an error of {percent(certificate.reference_loss)}"


def certificate_words(certificate: Certificate) -> str:
    needed = f" About {certificate.samples_needed} samples would be needed." if certificate.samples_needed else ""
    if not certificate.holds:
        return (
            f"No certificate: on {certificate.samples} calibration samples nothing is promised about whether the cascade's "
            f"error rate is {promised(certificate)}. Measured: {measured(certificate)}.{needed} "
            f"Method: {certificate.method}."
        )
    chosen = (
        f", out of {certificate.candidates} candidates that the promise has paid for" if certificate.candidates > 1 else ""
    )
    return (
        f"Certificate: with probability at least {percent(1 - certificate.delta, 0)}, the cascade's error rate is "
        f"{promised(certificate)}. Measured on {certificate.samples} calibration samples{chosen}: {measured(certificate)}. "
        f"Method: {certificate.method}. Does not cover: {certificate.does_not_cover}."
    )
