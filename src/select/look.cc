#include "select/look.h"

#include "select/cpu.h"

namespace quorate {
namespace {

#define QUORATE_BODY "select/look.inc"
#include "select/every_width.inc"

}  // namespace

void look(const LookAt& at, const Glances::Models& models, std::size_t begin, std::size_t end, double* wrong,
          std::int8_t* undecided) {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  if (vector_width() == VectorWidth::k512) return on_512::look(at, models, begin, end, wrong, undecided);
  if (vector_width() == VectorWidth::k256) return on_256::look(at, models, begin, end, wrong, undecided);
#endif
  on_128::look(at, models, begin, end, wrong, undecided);
}

}  // namespace quorate
