// The programs in topologies/hooks, with their places moved into the test's directory.
#include <gtest/gtest.h>

#include "run/hook_program.hpp"
#include "run/scripts.hpp"

namespace repl::run {
namespace {

using namespace std::chrono_literals;

class HookExample : public ::testing::Test {
 protected:
  /// The program with `place` moved to `to`.
  void add(const std::string& name, const std::string& place, const std::string& to) {
    auto text = contents_of(REPL_TOPOLOGIES "/hooks/" + name);
    const auto at = text.find(place);
    ASSERT_NE(at, std::string::npos) << name << " says nothing of " << place;
    text.replace(at, place.size(), to);
    std::ofstream{scripts / name} << text;
    ::chmod((scripts / name).c_str(), 0755);
  }
  HookRun run(const std::string& name) {
    std::vector<std::string> environment{"PATH=" + scripts.path() + ":/usr/bin:/bin",
                                         "REPL_CLUSTER=shop",
                                         "REPL_TERM=4",
                                         "REPL_OLD_PRIMARY=db1",
                                         "REPL_NEW_PRIMARY=db2",
                                         "REPL_NEW_PRIMARY_HOST=10.0.0.2",
                                         "REPL_NEW_PRIMARY_PORT=3307"};
    return run_hook({{"db2"}, NodeId{"db1"}, HookPoint::PreFailover, name, 30s}, scripts.path(), std::move(environment),
                    {});
  }
  void fails_saying(const std::string& what) {
    const auto ended = run("power-off");
    EXPECT_EQ(ended.outcome, HookOutcome::Failed);
    EXPECT_TRUE(ended.result.error && ended.result.error->message.find(what) != std::string::npos)
        << ended.result.output;
  }

  Scripts scripts;
};

TEST_F(HookExample, WritePrimaryReplacesTheFileAsAWholeAndMayBeRunAgain) {
  add("write-primary", "directory=/run/repld", "directory=" + (scripts / "run"));
  for (int i = 0; i < 2; ++i) {
    const auto ended = run("write-primary");
    EXPECT_TRUE(ended.result.ok()) << ended.result.error->message;
    EXPECT_EQ(contents_of(scripts / "run/shop.primary"), "10.0.0.2 3307\n");
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator{scripts / "run"}, {}), 1) << "nothing is left beside it";
}

TEST_F(HookExample, WritePrimaryFailsWhereItMayNotWrite) {
  add("write-primary", "directory=/run/repld", "directory=/proc/none");
  EXPECT_EQ(run("write-primary").outcome, HookOutcome::Failed);
}

TEST_F(HookExample, PowerOffEndsWithZeroOnlyWhenTheMachineIsOff) {
  const auto machines = scripts / "machines";
  add("power-off", "machines=/etc/repld/hooks/power-off.machines", "machines=" + machines);
  fails_saying("machines cannot be read");
  std::ofstream{machines} << "db10 bmc10 admin /secrets/bmc\n";
  fails_saying("says nothing of db1");
  std::ofstream{machines, std::ios::app} << "db1 bmc1 admin /secrets/bmc\n";
  scripts.add("ipmitool", "exit 1");
  fails_saying("the controller of db1 at bmc1 does not answer");
  scripts.add("ipmitool", "echo Chassis Power is on");
  fails_saying("db1 is still on");
  // Off a moment after it was asked.
  scripts.add("ipmitool", "echo \"$@\" >> " + (scripts / "asked") + "\n[ $(wc -l < " + (scripts / "asked") +
                              ") -gt 3 ] && echo Chassis Power is off || echo Chassis Power is on");
  const auto ended = run("power-off");
  EXPECT_TRUE(ended.result.ok()) << ended.result.output;
  EXPECT_TRUE(ended.result.output.ends_with("db1 is off\n")) << ended.result.output;
  EXPECT_TRUE(
      contents_of(scripts / "asked").starts_with("-I lanplus -H bmc1 -U admin -f /secrets/bmc chassis power off\n"));
}

}  // namespace
}  // namespace repl::run
