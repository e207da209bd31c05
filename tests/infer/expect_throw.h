// Expects that a call throws `Thrown` with a message that matches.
#pragma once

#include <gmock/gmock.h>

#include <functional>
#include <string>

namespace quorate::test {

template <class Thrown>
void expect_throw(const std::function<void()>& call, const ::testing::Matcher<std::string>& what) {
  try {
    call();
    FAIL() << "nothing was thrown";
  } catch (const Thrown& error) {
    EXPECT_THAT(error.what(), what);
  }
}

}  // namespace quorate::test
