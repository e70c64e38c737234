// When servers are looked at thoroughly: what such a look finds must not stay a finding after it has gone.
#include <gtest/gtest.h>

#include "unit/support/story.hpp"

namespace repl::test {
namespace {

Spec with_monitoring() {
  auto spec = static_cast<Spec>(spec_of("a b c"));
  spec.accounts[AccountRole::Monitoring] = {.user = "monitor"};
  return spec;
}

/// A running cluster of which b lacks an account when the next repld first looks at it.
std::unique_ptr<Story> looked_at_too_early() {
  auto story = std::make_unique<Story>(with_monitoring());
  story->running(with_monitoring());
  story->servers["b"].has.accounts.erase(AccountRole::Monitoring);
  story->kill_repld();
  story->start_repld();
  return story;
}

TEST(AReplica, ThatWasLookedAtBeforeItHadEverythingDoesNotDeviate) {
  const auto story = looked_at_too_early();
  ASSERT_TRUE(story->run_until([&] { return story->problem("ReplicaAccountsDeviate") != nullptr; }, 5s))
      << story->told();
  story->servers["b"].has.accounts.insert(AccountRole::Monitoring);
  story->run_for(8s);
  EXPECT_EQ(story->problem("ReplicaAccountsDeviate"), nullptr) << story->told();
}

TEST(AReplica, ThatDeviatesIsFoundInOrderSoonAfterItIs) {
  const auto story = looked_at_too_early();
  ASSERT_TRUE(story->run_until(
      [&] {
        const auto* found = story->problem("ReplicaAccountsDeviate");
        return found != nullptr && found->established;
      },
      1min))
      << story->told();
  story->servers["b"].has.accounts.insert(AccountRole::Monitoring);
  story->run_for(35s);
  EXPECT_EQ(story->problem("ReplicaAccountsDeviate"), nullptr) << story->told();
}

}  // namespace
}  // namespace repl::test
