"""A certificate in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .numbers import percent

if TYPE_CHECKING:
    from .. import Certificate


def certificate_words(certificate: Certificate) -> str:
    if not certificate.holds:
        needed = f"; about {certificate.samples_needed} samples would be needed" if certificate.samples_needed else ""
        return (
            f"Certificate: on {certificate.samples} calibration samples no early stop could be promised to cost at most "
            f"{percent(certificate.max_loss_increase)} of accuracy, so every sample goes to the last tier{needed}."
        )
    return (
        f"Certificate: with probability at least {percent(1 - certificate.delta, 0)}, the cascade's error rate is at most "
        f"{100 * certificate.max_loss_increase:.1f} points above its last tier's alone. Measured on {certificate.samples} "
        f"calibration samples that nothing was chosen on: {100 * certificate.measured:+.1f} points, last tier's error "
        f"{percent(certificate.reference_loss)}. Method: {certificate.method}. Does not cover: {certificate.does_not_cover}."
    )
