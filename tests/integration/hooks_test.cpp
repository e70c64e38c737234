// Hooks on real servers: programs of the owner's around a switchover, around the failover from a crashed primary, and
// as the fence of one that hangs.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "tests/support/rig.hpp"

namespace repl::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

std::string text_of(const std::filesystem::path& file) {
  std::ostringstream out;
  out << std::ifstream{file}.rdbuf();
  return out.str();
}

/// A cluster whose file names hooks: "fence", "announce", "ask" and "tell" note in `ran` what they were told, and fail
/// while there is a file of their name beside it.
class Hooks : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const auto* name : {"fence", "announce", "ask", "tell"}) {
      rig.repld().add_hook(
          name,
          "#!/bin/sh\ncd " + folder().string() +
              "\necho \"$REPL_HOOK $REPL_KIND $REPL_STAGE $REPL_REASON $REPL_CLUSTER $REPL_TOPOLOGY $REPL_TERM "
              "$REPL_OPERATION $REPL_OLD_PRIMARY:$REPL_OLD_PRIMARY_PORT $REPL_NEW_PRIMARY:$REPL_NEW_PRIMARY_PORT\" "
              ">> ran\n[ -e " +
              name + " ] || exit 0\necho 'first words'\necho '" + name + " says no'\nexit 3\n");
    }
    auto script = text_of(std::filesystem::path{REPL_TOPOLOGIES} / "hooks" / "write-primary");
    const std::string place = "directory=/run/repld";
    ASSERT_NE(script.find(place), std::string::npos);
    script.replace(script.find(place), place.size(), "directory=" + folder().string());
    rig.repld().add_hook("write-primary", script);
  }

  void TearDown() override {
    if (HasFailure()) std::cerr << rig.story();
  }

  std::filesystem::path folder() const { return rig.topology_file().parent_path(); }
  void let_fail(const std::string& hook) { std::ofstream{folder() / hook} << "\n"; }
  void let_work(const std::string& hook) { std::filesystem::remove(folder() / hook); }

  /// What ran since the last call, a line each.
  std::vector<std::string> ran() {
    std::vector<std::string> out;
    std::istringstream lines{text_of(folder() / "ran")};
    for (std::string line; std::getline(lines, line);) out.push_back(line);
    std::filesystem::remove(folder() / "ran");
    return out;
  }
  std::string port_of(const std::string& node) const {
    for (const auto& n : rig.sandbox().nodes()) {
      if (n.name == node) return std::to_string(n.port);
    }
    return "no such node";
  }
  std::string told(const std::string& beginning, const std::string& operation, const std::string& from,
                   const std::string& to) {
    return beginning + " " + rig.cluster() + " source-replica " + rig.status()["term"].dump() + " " + operation + " " +
           from + ":" + port_of(from) + " " + to + ":" + port_of(to);
  }
  std::string address_of(const std::string& node) { return "127.0.0.1 " + port_of(node) + "\n"; }
  Outcome apply_with(const std::string& hooks) {
    const auto file = folder() / "with-hooks.yaml";
    const auto text = text_of(rig.topology_file());
    std::ofstream{file} << text.substr(0, text.find("\nfailover:"))
                        << "\nfailover: { fencing: hook, cooldown: 0s }\nhooks: " << hooks << "\n";
    return rig.replctl({"apply", file.string(), "--wait"});
  }
  /// The latest that had this goal.
  json operation(const std::string& goal) {
    json latest;
    const auto history = rig.replctl_json({"history", rig.cluster()});
    for (const auto& o : history["operations"]) {
      if (o["goal"] == goal && (latest.is_null() || o["started"] > latest["started"])) latest = o;
    }
    return latest.is_null() ? latest : rig.replctl_json({"operation", latest["id"].get<std::string>()});
  }
  bool takes_writes(const std::string& node) { return rig.ask(node, "SELECT @@read_only") == "0"; }
  bool another_is_primary(const std::string& than) {
    return comes_true([&] { return rig.primary() != than && takes_writes(rig.primary()); });
  }
  bool has_problem(const std::string& name) {
    const auto status = rig.status();
    return std::any_of(status["problemList"].begin(), status["problemList"].end(),
                       [&](const json& p) { return p["name"] == name; });
  }

  Rig rig{{.name = "hooks", .sync = ctl::sandbox::DataSync::Async}};
};

TEST_F(Hooks, RunAroundEachChangeOfThePrimaryAndDecideWhetherItIsMade) {
  // What may not be run is refused before anything is changed.
  const auto refused = apply_with("{ preFailover: [fence], postFailover: [missing, /bin/true] }");
  EXPECT_EQ(refused.exit_code, 2) << refused.output << refused.errors;
  EXPECT_NE(refused.errors.find("hooks.postFailover: /bin/true is not directly inside"), std::string::npos)
      << refused.errors;
  const auto applied = apply_with(
      "{ preFailover: [fence], postFailover: [announce, write-primary], preSwitchover: [ask], postSwitchover: "
      "[tell, write-primary] }");
  ASSERT_EQ(applied.exit_code, 0) << applied.output << applied.errors;
  ASSERT_TRUE(rig.wait_until_whole(30s)) << rig.story();

  // A switchover has hooks of its own.
  const auto first = rig.primary();
  let_fail("ask");
  const auto stopped = rig.replctl({"switchover", rig.cluster(), "--wait"});
  EXPECT_EQ(stopped.exit_code, 4) << stopped.output << stopped.errors;
  EXPECT_NE((stopped.output + stopped.errors).find("preSwitchover hook ask ended with exit code 3: ask says no"),
            std::string::npos)
      << stopped.output << stopped.errors;
  EXPECT_EQ(rig.primary(), first);
  let_work("ask");
  ran();
  const auto moved = rig.replctl({"switchover", rig.cluster(), "--wait"});
  ASSERT_EQ(moved.exit_code, 0) << moved.output << moved.errors;
  const auto second = rig.primary();
  ASSERT_NE(second, first);
  auto id = operation("switchover")["id"].get<std::string>();
  EXPECT_EQ(ran(), (std::vector<std::string>{told("preSwitchover switchover pre requested", id, first, second),
                                             told("postSwitchover switchover post requested", id, first, second)}));
  EXPECT_EQ(text_of(folder() / (rig.cluster() + ".primary")), address_of(second));
  ASSERT_TRUE(rig.wait_until_whole(60s)) << rig.story();

  // A hook that does not fence keeps everybody closed.
  let_fail("fence");
  ASSERT_TRUE(rig.sandbox().kill(second));
  std::string why;
  EXPECT_TRUE(comes_true([&] {
    why = rig.why_not("DeadPrimary");
    return why.find("preFailover hook fence ended with exit code 3: fence says no") != std::string::npos;
  })) << why
      << rig.story();
  EXPECT_EQ(rig.primary(), second);
  for (const auto& node : rig.sandbox().nodes()) {
    if (node.name == second) continue;
    EXPECT_EQ(rig.ask(node.name, "SELECT @@super_read_only"), "1") << node.name;
  }

  // One that fails afterwards changes nothing of the promotion.
  let_fail("announce");
  ran();
  let_work("fence");
  ASSERT_TRUE(another_is_primary(second)) << rig.story();
  const auto third = rig.primary();
  EXPECT_TRUE(comes_true([&] { return has_problem("HookFailed"); })) << rig.story();
  EXPECT_EQ(rig.primary(), third);
  EXPECT_EQ(rig.ask(third, "SELECT @@read_only"), "0");
  const auto failover = operation("failover");
  EXPECT_EQ(failover["state"], "done") << failover.dump(1);
  id = failover["id"].get<std::string>();
  const auto announced = told("postFailover failover post DeadPrimary", id, second, third);
  auto lines = ran();
  // A last refusal may have been noted by the fence before it was let work.
  lines.erase(lines.begin(),
              std::find(lines.begin(), lines.end(), told("preFailover failover pre DeadPrimary", id, second, third)));
  EXPECT_EQ(lines, (std::vector<std::string>{told("preFailover failover pre DeadPrimary", id, second, third), announced,
                                             announced, announced}));
  EXPECT_EQ(text_of(folder() / (rig.cluster() + ".primary")), address_of(third))
      << "the next hook was run all the same";
  const auto shown = rig.replctl({"operation", id}).output;
  EXPECT_NE(shown.find("| announce says no"), std::string::npos) << shown;
  EXPECT_EQ(rig.replctl({"ack", rig.cluster()}).exit_code, 0);
  EXPECT_TRUE(comes_true([&] { return !has_problem("HookFailed"); })) << rig.story();
  let_work("announce");
  ASSERT_TRUE(rig.sandbox().start(second));
  ASSERT_TRUE(comes_true([&] { return rig.node(second)["source"] == third; }, 60s)) << rig.story();
  ASSERT_TRUE(rig.wait_until_whole(60s)) << rig.story();

  // With a hook that fences, a silent primary is replaced too, although nothing proves that it is dead.
  ran();
  ASSERT_TRUE(rig.sandbox().freeze(third));
  ASSERT_TRUE(another_is_primary(third)) << rig.story();
  const auto fenced = ran();
  ASSERT_FALSE(fenced.empty());
  EXPECT_TRUE(fenced.front().starts_with("preFailover failover pre SilentPrimary ")) << fenced.front();
  ASSERT_TRUE(rig.sandbox().thaw(third));
  ASSERT_TRUE(comes_true([&] { return rig.ask(third, "SELECT @@super_read_only") == "1"; })) << rig.story();
  EXPECT_TRUE(takes_writes(rig.primary()));
}

}  // namespace
}  // namespace repl::testing
