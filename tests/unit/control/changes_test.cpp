// Every change from one topology to another, failing at each of its steps in every way a step can fail: it ends as
// before or as wanted, and the revision says which.
#include <gtest/gtest.h>

#include "unit/support/story.hpp"

namespace repl::test {
namespace {

using Fate = Story::Fate;
using Names = std::vector<std::string>;

struct Change {
  std::string name;
  SpecOf from, to;
};

SpecOf group(const std::string& names) {
  return spec_of(names).group();
}
SpecOf multi(const std::string& names) {
  return spec_of(names).group(TopologyType::GroupMultiPrimary);
}

SpecOf only_a_writes() {
  return spec_of("a b c").promotion("b", Promotion::Never).promotion("c", Promotion::Never);
}

const std::vector<Change>& changes() {
  static const std::vector<Change> all{
      {"AsyncToSemiSync", spec_of("a b c"), spec_of("a b c").acks(1)},
      {"SemiSyncToAsync", spec_of("a b c").acks(1), spec_of("a b c")},
      {"SemiSyncToSync", spec_of("a b c").acks(1), spec_of("a b c").sync_all()},
      {"SyncToSemiSync", spec_of("a b c").sync_all(), spec_of("a b c").acks(1)},
      {"SyncToAsync", spec_of("a b c").sync_all(), spec_of("a b c")},
      {"AsyncToSync", spec_of("a b c"), spec_of("a b c").sync_all()},
      {"MoreAcks", spec_of("a b c").acks(1), spec_of("a b c").acks(2)},
      {"FewerAcks", spec_of("a b c").acks(2), spec_of("a b c").acks(1)},
      {"MayGoOnAlone", spec_of("a b c").acks(1), spec_of("a b c").acks(1).degrading()},
      {"NodeAdded", spec_of("a b c").acks(1), spec_of("a b c d").acks(1)},
      {"NodeRemoved", spec_of("a b c d").acks(1), spec_of("a b c").acks(1)},
      {"NodeReplaced", spec_of("a b c").acks(1), spec_of("a b d").acks(1)},
      {"FlatToChain", spec_of("a b c d").acks(1), spec_of("a b c d").acks(1).follows("c", "b").follows("d", "c")},
      {"ChainToFlat", spec_of("a b c d").acks(1).follows("c", "b").follows("d", "c"), spec_of("a b c d").acks(1)},
      {"ChainRearranged", spec_of("a b c d").follows("d", "b"), spec_of("a b c d").follows("d", "c")},
      {"Delayed", spec_of("a b c").acks(1), spec_of("a b c").acks(1).delayed("c", 60s)},
      {"SourceMoved", spec_of("a b c").acks(1), spec_of("a b c").acks(1).source("b")},
      {"SourceMovedWithHooks", spec_of("a b c").acks(1).with_hooks(),
       spec_of("a b c").acks(1).with_hooks().source("b")},
      {"Settings", spec_of("a b c").acks(1), spec_of("a b c").acks(1).setting("max_connections", "321")},
      {"Restarts", spec_of("a b c"), spec_of("a b c").setting("report_host", "here")},
      {"SemiSyncRestarts", spec_of("a b c").acks(1), spec_of("a b c").acks(1).setting("report_host", "here")},
      {"RestartOfReplicas", spec_of("a b c").acks(1), spec_of("a b c").acks(1).skip_errors("b", {1062})},
      {"RestartInPlace", only_a_writes(), only_a_writes().setting("report_host", "here")},
      {"SemiSyncRestartInPlace", only_a_writes().acks(1), only_a_writes().acks(1).setting("report_host", "here")},
      {"SettingNamedNoMore", spec_of("a b c").setting("report_host", "here"), spec_of("a b c")},
      {"TuningSwitchedOff", spec_of("a b c"), spec_of("a b c").untuned()},
      {"RingRestarts", spec_of("a b c").ring(), spec_of("a b c").ring().setting("report_host", "here")},
      {"GroupRestarts", group("a b c"), group("a b c").setting("report_host", "here")},
      {"MultiPrimaryRestarts", multi("a b c"), multi("a b c").setting("report_host", "here")},
      {"TreeToRing", spec_of("a b c"), spec_of("a b c").ring()},
      {"TreeToSemiSyncRing", spec_of("a b c"), spec_of("a b c").acks(1).ring()},
      {"SemiSyncTreeToRing", spec_of("a b c").acks(1), spec_of("a b c").ring()},
      {"RingToTree", spec_of("a b c").ring(), spec_of("a b c")},
      {"SemiSyncRingToSemiSyncTree", spec_of("a b c").acks(1).ring(), spec_of("a b c").acks(1)},
      {"TreeToPair", spec_of("a b"), spec_of("a b").ring()},
      {"PairToTree", spec_of("a b").ring(), spec_of("a b")},
      {"PairToRing", spec_of("a b").ring(), spec_of("a b c").ring()},
      {"RingToPair", spec_of("a b c").ring(), spec_of("a b").ring()},
      {"RingAsyncToSemiSync", spec_of("a b c").ring(), spec_of("a b c").acks(1).ring()},
      {"RingSemiSyncToAsync", spec_of("a b c").acks(1).ring(), spec_of("a b c").ring()},
      {"RingNodeAdded", spec_of("a b c").acks(1).ring(), spec_of("a b c d").acks(1).ring()},
      {"RingNodeRemoved", spec_of("a b c d").acks(1).ring(), spec_of("a b c").acks(1).ring()},
      {"RingNodeReplaced", spec_of("a b c").ring(), spec_of("a b d").ring()},
      {"RingToSmallerTree", spec_of("a b c").ring(), spec_of("a b")},
      {"SemiSyncRingToSmallerTree", spec_of("a b c").acks(1).ring(), spec_of("a b").acks(1)},
      {"SyncNodeReplaced", spec_of("a b c").sync_all(), spec_of("a b d").sync_all()},
      {"MultiPrimaryToSmallerTree", multi("a b c d"), spec_of("a b c")},
      {"RingInAnotherOrder", spec_of("a b c d").ring(), spec_of("a c b d").ring()},
      {"TreeToGroup", spec_of("a b c"), group("a b c")},
      {"SemiSyncTreeToGroup", spec_of("a b c").acks(1), group("a b c")},
      {"GroupToTree", group("a b c"), spec_of("a b c")},
      {"GroupToSemiSyncTree", group("a b c"), spec_of("a b c").acks(1)},
      {"TreeToMultiPrimary", spec_of("a b c"), multi("a b c")},
      {"MultiPrimaryToTree", multi("a b c"), spec_of("a b c")},
      {"SingleToMultiPrimary", group("a b c"), multi("a b c")},
      {"MultiToSinglePrimary", multi("a b c"), group("a b c")},
      {"MemberAdded", group("a b c"), group("a b c d")},
      {"MemberRemoved", group("a b c d"), group("a b c")},
      {"MemberReplaced", group("a b c"), group("a b d")},
  };
  return all;
}

/// The servers as `spec` declares them; the primary in office where there is one.
Names deviations_from(const Story& story, const Spec& spec) {
  if (spec.is_ring() || spec.is_group()) return deviations(spec, story.servers);
  return deviations(spec, *story.office().primary, story.servers);
}

/// A cluster that runs as `from` says, with data, beside servers that only `to` names.
std::unique_ptr<Story> beginning(const Change& change) {
  auto all = static_cast<const Spec&>(change.from);
  for (const auto& node : change.to.nodes) {
    if (all.find(node.id) == nullptr) all.nodes.push_back(node);
  }
  auto story = std::make_unique<Story>(all);
  const auto reply = story->apply(change.from);
  EXPECT_FALSE(reply.error) << reply.error->message;
  story->run_until_idle();
  story->servers.write("a", "shop");
  story->run_for(3s);
  EXPECT_EQ(deviations_from(*story, change.from), Names{}) << story->told();
  story->forget();
  return story;
}

/// A primary that was replaced to be restarted, and that nobody could restart then: it is named, and waits for the next
/// apply.
bool waits_for_its_restart(const Story& story) {
  return std::any_of(story.problems->begin(), story.problems->end(),
                     [](const Problem& p) { return p.name == "SettingNeedsRestart"; });
}

/// Ended, and whole: as before or as wanted, as its record says.
void expect_old_or_new(Story& story, const Change& change, const std::string& what) {
  SCOPED_TRACE(what);
  story.run_until_idle();
  story.fate = [](const auto&) { return Fate::CarriedOut; };
  ASSERT_FALSE(story.revisions.empty());
  const auto& record = story.revisions.back();
  ASSERT_TRUE(record.state == RevisionState::Applied || record.state == RevisionState::TakenBack) << story.told();
  const Spec& now = record.state == RevisionState::Applied ? change.to : change.from;
  EXPECT_EQ(story.memory().spec, now) << story.told();
  // What a repair finds is a best-effort step, or what an uncertain one has left.
  const auto is_whole = [&] { return !story.memory().operation && deviations_from(story, now).empty(); };
  bool whole = story.run_until([&] { return is_whole() || waits_for_its_restart(story); }, 2min);
  if (!is_whole() && record.state == RevisionState::Applied && waits_for_its_restart(story)) {
    const auto again = story.apply(now);
    EXPECT_FALSE(again.error) << again.error->message;
    whole = story.run_until(is_whole, 2min);
  }
  EXPECT_TRUE(whole) << testing::PrintToString(deviations_from(story, now)) << story.told();
}

class EveryChange : public ::testing::TestWithParam<std::size_t> {
 protected:
  const Change& change() const { return changes()[GetParam()]; }
};

TEST_P(EveryChange, EndsAsBeforeOrAsWantedWhereverItFails) {
  const auto steps = [&] {
    auto story = beginning(change());
    const auto reply = story->apply(change().to, true);
    EXPECT_FALSE(reply.error) << reply.error->message;
    return reply.plan ? reply.plan->steps.size() : 0;
  }();
  ASSERT_GT(steps, 0U);
  std::size_t taken_back = 0;
  for (std::size_t failing = 0; failing < steps; ++failing) {
    for (const auto fate : {Fate::Refused, Fate::CarriedOutUnheard, Fate::Lost}) {
      auto story = beginning(change());
      // A server that refuses goes on refusing; a word is lost once.
      bool struck = false;
      story->fate = [&](const control::StepOrder& order) {
        if (order.index != failing || order.undo || (struck && fate != Fate::Refused)) return Fate::CarriedOut;
        struck = true;
        return fate;
      };
      std::string sentence;
      const auto reply = story->apply(change().to);
      ASSERT_FALSE(reply.error) << reply.error->message;
      if (reply.plan) sentence = describe(reply.plan->steps[failing].step);
      expect_old_or_new(*story, change(),
                        fmt::format("step {}, {}, fate {}", failing, sentence, static_cast<int>(fate)));
      if (HasFailure()) return;
      if (story->revisions.back().state == RevisionState::TakenBack) ++taken_back;
    }
  }
  EXPECT_GT(taken_back, 0U) << "no step failed";
}

TEST_P(EveryChange, SurvivesARestartOfRepldAtEachStep) {
  auto plan = beginning(change())->apply(change().to, true).plan;
  ASSERT_TRUE(plan);
  for (std::size_t at = 0; at < plan->steps.size(); ++at) {
    for (const bool carried_out : {false, true}) {
      auto story = beginning(change());
      story->ask(control::ApplySpec{.spec = change().to});
      const auto sentence = describe(plan->steps[at].step);
      ASSERT_TRUE(story->run_until_ordered(sentence)) << sentence << story->told();
      story->kill_repld();
      if (carried_out) story->carry_out_what_is_under_way();
      story->start_repld();
      expect_old_or_new(*story, change(), fmt::format("killed at step {}, {}", at, sentence));
      if (HasFailure()) return;
    }
  }
}

TEST_P(EveryChange, LosesNothingThatANodeTookMeanwhile) {
  auto story = beginning(change());
  story->fate = [&](const auto&) {
    for (const auto& node : change().from.nodes) story->servers.write(node.id.name);
    return Fate::CarriedOut;
  };
  const auto reply = story->apply(change().to);
  ASSERT_FALSE(reply.error) << reply.error->message;
  story->run_until_idle();
  for (const auto& node : change().from.nodes) story->servers.write(node.id.name);
  EXPECT_EQ(deviations_of_those_who_left(change().from, change().to, story->servers), Names{}) << story->told();
}

INSTANTIATE_TEST_SUITE_P(All, EveryChange, ::testing::Range(std::size_t{0}, changes().size()),
                         [](const auto& which) { return changes()[which.param].name; });

}  // namespace
}  // namespace repl::test
