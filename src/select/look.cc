#include "select/look.h"

#include "select/cpu.h"

namespace quorate {
namespace {

#define QUORATE_BODY "select/look.inc"
#include "select/every_width.inc"

}  // namespace

void look(const LookAt& at, const Glances::Models& models, std::size_t begin, std::size_t end, double* wrong,
          std::int8_t* undecided) {
  QUORATE_WIDEST(look(at, models, begin, end, wrong, undecided));
}

}  // namespace quorate
