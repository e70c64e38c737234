// Random choices that one number repeats: RapidCheck gives the number, and prints it when a property fails.
#pragma once

#include <rapidcheck.h>

#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace repl::test {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : numbers_(seed) {}

  /// Both ends included.
  int between(int low, int high) {
    return low + static_cast<int>(numbers_() % static_cast<std::uint64_t>(high - low + 1));
  }
  /// True so many times of ten.
  bool chance(int of_ten) { return between(1, 10) <= of_ten; }
  template <class T>
  T one_of(const std::vector<T>& values) {
    return values[static_cast<std::size_t>(between(0, static_cast<int>(values.size()) - 1))];
  }

 private:
  std::mt19937_64 numbers_;
};

/// For a property: a new throw each time it is tried.
inline Dice any_dice() {
  const auto numbers = rc::gen::inRange<std::uint64_t>(0, std::numeric_limits<std::uint64_t>::max());
  return Dice{*rc::gen::noShrink(rc::gen::resize(rc::kNominalSize, numbers))};
}

}  // namespace repl::test
