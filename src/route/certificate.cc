#include "route/certificate.h"

#include <sstream>

#include "core/message.h"
#include "quorate/core/file.h"

namespace quorate {

std::string digest_of(const Cascade& cascade) {
  std::ostringstream text;
  text << std::hexfloat << to_string(cascade.combine);
  for (const Tier& tier : cascade.tiers) {
    text << "; " << to_string(tier.signal) << " " << tier.threshold;
    for (std::size_t k = 0; k < tier.members.size(); ++k) text << " " << tier.members[k] << " " << tier.weights[k];
  }
  return sha256(text.str());
}

void check_certificate(const Certificate& certificate, const Cascade& cascade) {
  const double increase = certificate.max_loss_increase;
  const double most = certificate.max_loss.value_or(increase);
  require(!certificate.max_loss || increase == 0.0, "certificate.max_loss_increase is ", increase,
          ", but must be 0 beside a max_loss: one thing is promised");
  require(most > 0.0 && most < 1.0, certificate.max_loss ? "certificate.max_loss" : "certificate.max_loss_increase", " is ",
          most, ", but must be above 0 and below 1");
  require(certificate.delta > 0.0 && certificate.delta < 1.0, "certificate.delta is ", certificate.delta,
          ", but must be above 0 and below 1");
  require(certificate.samples >= 1, "certificate.samples is 0, but must be at least 1");
  require(certificate.candidates >= 1, "certificate.candidates is 0, but must be at least 1");
  const auto within = [&](const char* what, double value, double low, double high) {
    require(value >= low && value <= high, "certificate.", what, " is ", value, ", but must be from ", low, " to ", high);
  };
  within("reference_loss", certificate.reference_loss, 0.0, 1.0);
  within("measured", certificate.measured, -1.0, 1.0);
  within("bound", certificate.bound, -1.0, 1.0);
  // The measured figure may be above: a bet that was won early has won.
  require(!certificate.holds || certificate.bound <= most, "certificate.bound is ", certificate.bound,
          ", but must be at most what is promised, ", most, ", where it holds");
  if (certificate.tiers_sha256.empty()) return;
  const std::string digest = digest_of(cascade);
  require(certificate.tiers_sha256 == digest, "certificate.tiers_sha256 is ", certificate.tiers_sha256, ", but must be ",
          digest, ", that of the tiers: they were changed after calibrate(), which has to be asked again");
}

}  // namespace quorate
