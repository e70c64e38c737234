// The executor: takes hooks out of an output, runs them beside the loop, hands in what came of them.
#include "run/hooks.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>

#include "run/scripts.hpp"

namespace repl::run {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

/// Takes what arrives.
class Taken {
 public:
  void put(control::Input input) {
    const std::lock_guard lock{mutex_};
    results_.push_back(std::get<control::StepDone>(std::move(input)));
    changed_.notify_all();
  }
  std::optional<control::StepDone> next(std::chrono::seconds within = 10s) {
    std::unique_lock lock{mutex_};
    if (!changed_.wait_for(lock, within, [&] { return !results_.empty(); })) return std::nullopt;
    auto out = std::move(results_.front());
    results_.pop_front();
    return out;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<control::StepDone> results_;
};

struct Watched : Observer {
  void hook_ended(const ClusterId& cluster, HookPoint point, std::string_view outcome, Duration took) override {
    const std::lock_guard lock{mutex};
    told.push_back(fmt::format("{} {} {}", cluster, static_cast<int>(point), outcome));
    EXPECT_GT(took.count(), 0);
  }
  std::mutex mutex;
  std::vector<std::string> told;
};

control::Output ordering(std::vector<Step> steps) {
  control::Output output;
  Memory memory;
  memory.spec = Spec{};
  memory.spec->cluster = {"shop"};
  memory.spec->nodes = {{.id = {"db2"}, .address = {"10.0.0.2", 3307}}};
  memory.operation = Operation{};
  memory.operation->id = {"shop-7"};
  for (auto& step : steps) {
    control::StepOrder order;
    order.operation = {"shop-7"};
    order.index = output.steps.size();
    order.step = std::move(step);
    output.steps.push_back(std::move(order));
  }
  output.remember = std::move(memory);
  return output;
}

RunHook before(const std::string& program) {
  return {{"db2"}, NodeId{"db1"}, HookPoint::PreFailover, program, 10s};
}

struct World {
  Scripts scripts;
  Clock clock;
  Watched watched;
  Taken taken;
  Hooks hooks{ClusterId{"shop"}, scripts.path(), clock, watched,
              [this](control::Input input) { taken.put(std::move(input)); }};
};

TEST(Hooks, AreRunAndTheOtherStepsAreLeft) {
  World world;
  world.scripts.add("fence", "echo $REPL_OPERATION $REPL_NEW_PRIMARY_PORT");
  auto output = ordering({SetReadOnly{{"db2"}, ReadOnly::Super, ReadOnly::Off}, before("fence")});
  world.hooks.start(output);
  ASSERT_EQ(output.steps.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<SetReadOnly>(output.steps.front().step));
  const auto done = world.taken.next();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->operation.value, "shop-7");
  EXPECT_EQ(done->step, 1U);
  EXPECT_TRUE(done->result.ok());
  EXPECT_EQ(done->result.output, "shop-7 3307\n");
  EXPECT_GT(done->result.took.count(), 0);
  const std::lock_guard lock{world.watched.mutex};
  EXPECT_EQ(world.watched.told, std::vector<std::string>{"shop 0 done"});
}

TEST(Hooks, DoNotHoldUpWhoeverStartsThemNorEachOther) {
  World world;
  world.scripts.add("slow", "while [ ! -e " + (world.scripts / "go") + " ]; do sleep 0.01; done");
  world.scripts.add("quick", "exit 1");
  auto output = ordering({before("slow"), before("quick")});
  world.hooks.start(output);
  auto done = world.taken.next();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->step, 1U) << "the quick one, while the slow one runs";
  EXPECT_EQ(done->result.error->code, ErrorCode::HookFailed);
  std::ofstream{world.scripts / "go"} << "\n";
  done = world.taken.next();
  ASSERT_TRUE(done);
  EXPECT_TRUE(done->result.ok());
}

TEST(Hooks, OfAnotherOperationBeginWhenThoseBeforeHaveEnded) {
  World world;
  world.scripts.add("slow", "trap 'sleep 0.1; echo ended >> " + (world.scripts / "log") +
                                "; exit 0' TERM\necho begun >> " + (world.scripts / "log") + "\nsleep 300 & wait");
  world.scripts.add("quick", "echo next >> " + (world.scripts / "log"));
  auto output = ordering({before("slow")});
  world.hooks.start(output);
  const auto deadline = steady_clock::now() + 10s;
  while (contents_of(world.scripts / "log").empty() && steady_clock::now() < deadline) std::this_thread::sleep_for(5ms);
  auto next = ordering({before("quick")});
  next.steps.front().operation = {"shop-8"};
  next.remember->operation->id = {"shop-8"};
  world.hooks.start(next);
  const auto done = world.taken.next();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->operation.value, "shop-8") << "nothing is told of what was ended";
  const auto log = contents_of(world.scripts / "log");
  EXPECT_EQ(log, "begun\nended\nnext\n");
}

TEST(Hooks, AreEndedWithRepldAndReportNothing) {
  Scripts scripts;
  scripts.add("slow", "sleep 300");
  const Clock clock;
  Watched watched;
  Taken taken;
  const auto began = steady_clock::now();
  {
    Hooks hooks{ClusterId{"shop"}, scripts.path(), clock, watched,
                [&](control::Input input) { taken.put(std::move(input)); }};
    auto output = ordering({before("slow")});
    hooks.start(output);
  }
  EXPECT_LT(steady_clock::now() - began, 5s);
  EXPECT_FALSE(taken.next(0s));
  EXPECT_EQ(watched.told, std::vector<std::string>{"shop 0 stopped"});
}

}  // namespace
}  // namespace repl::run
