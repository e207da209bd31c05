// Binomial probabilities that can be walked from one cell to the next.
#pragma once

namespace quorate {

double log_factorial(double n);

// P(X = k) and P(X <= k) of X binomial with n draws of probability p in (0, 1), at k >= -1. Moves to neighbours in O(1);
// where a probability is too small to be moved it is computed anew.
class BinomialCell {
 public:
  BinomialCell(long n, double p, long k);

  double mass() const { return mass_; }
  double cumulated() const { return cumulated_; }

  void next_k();         // k + 1
  void one_draw_less();  // n - 1

 private:
  void compute();

  long n_;
  double p_;
  long k_;
  double mass_ = 0.0;
  double cumulated_ = 0.0;
};

}  // namespace quorate
