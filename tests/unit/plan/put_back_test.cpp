// Variables that no spec names any more.
#include "plan/put_back.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "plan/converge.hpp"
#include "unit/plan/reading.hpp"
#include "unit/support/apply_step.hpp"

namespace repl::test {
namespace {

using plan::captured;
using plan::PutBack;
using plan::to_put_back;
using Sentences = std::vector<std::string>;

const Office kOffice{.term = {1}, .primary = kA};

struct Fixture {
  SpecOf with = spec_of("a b").setting("max_connections", "500");
  SpecOf without = spec_of("a b");
  Servers servers = Servers::fresh(with);
  PriorSettings prior;
  Office office;

  /// Everything as `spec` declares it, and what was there before is known.
  void apply(const Spec& spec, const Spec* before) {
    const auto view = servers.view(office.primary);
    const auto plan = plan::plan_converge(spec, office, before, view, prior);
    ASSERT_TRUE(plan) << plan.error().message;
    prior = captured(prior, spec, before, view);
    const auto error = apply_all(servers, *plan, in_written_order(*plan));
    ASSERT_FALSE(error) << error->message;
    office = plan::office_after(spec, office, servers.view(office.primary), kNow);
  }
  Sentences planned(const Spec& spec, const Spec* before) {
    const auto plan = plan::plan_converge(spec, office, before, servers.view(office.primary), prior);
    EXPECT_TRUE(plan) << plan.error().message;
    Sentences out;
    for (const auto& step : plan->steps) out.push_back(describe(step.step));
    return out;
  }
};

TEST(PutBack, GivesAVariableTheValueThatItHadBeforeItWasFirstNamed) {
  Fixture f;
  f.apply(f.with, nullptr);
  auto more = f.with;
  more.setting("max_connections", "700");
  f.apply(more, &f.with);
  EXPECT_EQ(f.planned(f.without, &more), (Sentences{"a: put max_connections back 700 -> 151, not persisted",
                                                    "b: put max_connections back 700 -> 151, not persisted"}));
  f.apply(f.without, &more);
  for (const auto* node : {"a", "b"}) {
    EXPECT_EQ(f.servers[node].has.variables.at("max_connections"), "151");
    EXPECT_FALSE(f.servers[node].has.persisted.contains("max_connections"));
  }
  EXPECT_EQ(f.planned(f.without, &f.without), Sentences{});
}

TEST(PutBack, PersistsAgainWhatWasPersistedBefore) {
  Fixture f;
  f.servers["b"].has.variables["max_connections"] = f.servers["b"].has.persisted["max_connections"] = "200";
  f.apply(f.with, nullptr);
  f.apply(f.without, &f.with);
  EXPECT_EQ(f.servers["b"].has.variables.at("max_connections"), "200");
  EXPECT_EQ(f.servers["b"].has.persisted.at("max_connections"), "200");
  EXPECT_FALSE(f.servers["a"].has.persisted.contains("max_connections"));
}

TEST(PutBack, IsDoneOnceSoThatItNeverFightsWhoSetsTheVariableLater) {
  Fixture f;
  f.apply(f.with, nullptr);
  f.apply(f.without, &f.with);
  f.servers["a"].has.variables["max_connections"] = "300";  // by a person
  EXPECT_EQ(f.planned(f.without, &f.without), Sentences{});
}

TEST(PutBack, WaitsForANodeThatDoesNotAnswer) {
  Fixture f;
  f.apply(f.with, nullptr);
  f.servers.kill("b");
  f.apply(f.without, &f.with);
  f.servers.restart("b");
  EXPECT_EQ(f.planned(f.without, &f.without), Sentences{"b: put max_connections back 500 -> 151, not persisted"});
}

TEST(PutBack, KnowsAServerByItsUuidAndNotByItsName) {
  Fixture f;
  f.apply(f.with, nullptr);
  f.servers["b"].now.server_uuid = uuid('X');  // another server by that name, with the variable from its installer
  f.servers["b"].has.persisted.erase("max_connections");
  EXPECT_EQ(f.planned(f.without, &f.with), Sentences{"a: put max_connections back 500 -> 151, not persisted"});
}

TEST(PutBack, LetsTheOptionFilesDecideWhenNobodyKnowsWhatWasBefore) {
  Fixture f;
  f.apply(f.with, nullptr);
  f.prior.clear();  // applied by a repld that did not keep it
  const auto plan = plan::plan_converge(f.without, f.office, &f.with, f.servers.view(kA), f.prior);
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->steps.size(), 2U);
  EXPECT_EQ(describe(plan->steps[0].step), "a: persist max_connections no longer; 500 until its next restart");
  EXPECT_TRUE(std::any_of(plan->reasons.begin(), plan->reasons.end(), [](const std::string& reason) {
    return reason.starts_with("a: what max_connections was before is not known");
  }));
  EXPECT_EQ(plan::put_back_notes(f.without, &f.with, f.servers.view(kA), f.prior).size(), 1U);
}

TEST(PutBack, CapturesNothingOfWhatWasSetWithoutBeingCaptured) {
  Fixture f;
  f.apply(f.with, nullptr);
  f.prior.clear();
  auto more = f.with;
  more.setting("sync_binlog", "0");
  const auto prior = captured({}, more, &f.with, f.servers.view(kA));
  const auto& here = prior.at(f.servers["a"].now.server_uuid);
  EXPECT_FALSE(here.contains("max_connections"));
  EXPECT_EQ(here.at("sync_binlog"), (VariableState{"1", std::nullopt}));
}

TEST(PutBack, CoversNodeSettingsAndSaysWhichNodes) {
  Fixture f;
  auto spec = f.without;
  spec.node("b").settings["max_connections"] = "900";
  f.apply(spec, nullptr);
  EXPECT_EQ(f.planned(f.without, &spec), Sentences{"b: put max_connections back 900 -> 151, not persisted"});
  EXPECT_EQ(plan::put_back_notes(f.without, &spec, f.servers.view(kA), f.prior),
            Sentences{"b: max_connections goes back to 151, not persisted"});
}

TEST(PutBack, TakesSemiSyncSettingsBackWhenItIsNoLongerWanted) {
  Fixture f;
  const auto semi_sync = spec_of("a b").acks(1);
  f.apply(semi_sync, nullptr);
  EXPECT_EQ(f.servers["a"].has.variables.at("rpl_semi_sync_source_timeout"), "4294967295");
  f.apply(f.without, &semi_sync);
  EXPECT_EQ(f.servers["a"].has.variables.at("rpl_semi_sync_source_timeout"), "10000");
  EXPECT_FALSE(f.servers["a"].has.persisted.contains("rpl_semi_sync_source_timeout"));
}

struct Leaving : Fixture {
  SpecOf all = spec_of("a b c").setting("max_connections", "500");
  SpecOf rest = spec_of("a b").setting("max_connections", "500");
  Leaving() {
    servers = Servers::fresh(all);
    servers["c"].has.variables["max_connections"] = servers["c"].has.persisted["max_connections"] = "200";
  }
  static std::string reasons(const Plan& plan) {
    std::string out;
    for (const auto& reason : plan.reasons) out += reason + "\n";
    return out;
  }
};

TEST(PutBack, GivesANodeThatLeavesWhatItHadBefore) {
  Leaving f;
  f.apply(f.all, nullptr);
  const auto notes = plan::put_back_notes(f.rest, &f.all, f.servers.view(kA), f.prior);
  EXPECT_EQ(std::count(notes.begin(), notes.end(), "c: max_connections goes back to 200"), 1)
      << testing::PrintToString(notes);
  EXPECT_TRUE(std::all_of(notes.begin(), notes.end(), [](const auto& note) { return note.starts_with("c: "); }))
      << testing::PrintToString(notes);
  const auto plan = plan::plan_converge(f.rest, f.office, &f.all, f.servers.view(kA), f.prior);
  ASSERT_TRUE(plan);
  EXPECT_TRUE(std::all_of(plan->steps.begin(), plan->steps.end(),
                          [](const auto& s) { return node_of(s.step) != kC || s.best_effort; }));
  EXPECT_NE(Leaving::reasons(*plan).find("c leaves: variables go back"), std::string::npos);
  f.apply(f.rest, &f.all);
  EXPECT_EQ(f.servers["c"].has.variables.at("max_connections"), "200");
  EXPECT_EQ(f.servers["c"].has.persisted.at("max_connections"), "200");
  EXPECT_EQ(f.servers["c"].now.read_only, ReadOnly::Super) << "nobody follows what is written there";
  EXPECT_FALSE(f.prior.contains(f.servers["c"].now.server_uuid)) << "who takes it in again finds it as it is then";
  EXPECT_EQ(f.servers["a"].has.variables.at("max_connections"), "500");
}

TEST(PutBack, NeverRestartsANodeThatLeaves) {
  Leaving f;
  f.all.setting("report_host", "db");
  f.rest.setting("report_host", "db");
  f.apply(f.all, nullptr);
  const auto plan = plan::plan_converge(f.rest, f.office, &f.all, f.servers.view(kA), f.prior);
  ASSERT_TRUE(plan) << plan.error().message;
  Sentences of_c;
  for (const auto& step : plan->steps) {
    if (node_of(step.step) == kC) of_c.push_back(describe(step.step));
  }
  EXPECT_NE(std::find(of_c.begin(), of_c.end(), "c: persist report_host no longer; db until its next restart"),
            of_c.end())
      << testing::PrintToString(of_c);
}

TEST(PutBack, SaysWhenANodeLeavesWithoutAnAnswer) {
  Leaving f;
  f.apply(f.all, nullptr);
  f.servers.kill("c");
  const auto plan = plan::plan_converge(f.rest, f.office, &f.all, f.servers.view(kA), f.prior);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_NE(Leaving::reasons(*plan).find("c leaves and does not answer"), std::string::npos);
  EXPECT_TRUE(captured(f.prior, f.rest, &f.all, f.servers.view(kA)).contains(f.servers["c"].now.server_uuid));
}

}  // namespace
}  // namespace repl::test
