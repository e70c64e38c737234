// Three real servers and the MySQL end of repld on top of them, for tests of that end.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "ctl/sandbox/sandbox.hpp"
#include "mysql/node_mysql.hpp"
#include "mysql/steps.hpp"
#include "mysql/watcher.hpp"

namespace repl::mysql::rig {

using namespace std::chrono_literals;

inline const NodeId kDb1{"db1"}, kDb2{"db2"}, kDb3{"db3"};

/// Whether `condition` holds before the time is over; asked again and again.
template <class Condition>
bool comes_true(Condition condition, std::chrono::milliseconds within = 30s) {
  for (const auto end = std::chrono::steady_clock::now() + within; std::chrono::steady_clock::now() < end;) {
    if (condition()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return condition();
}

/// One sandbox for all tests of the program; each test that breaks a server repairs it.
class Servers {
 public:
  static Servers& shared();

  const ctl::sandbox::Sandbox& sandbox() const { return **sandbox_; }
  const Spec& spec() const { return spec_; }
  Endpoint endpoint(const NodeId& node) const;

  /// As root: a field of the first row, the first one; "" when there is none.
  std::string ask(const NodeId& node, const std::string& query, std::size_t column = 0) const;
  void tell(const NodeId& node, const std::vector<std::string>& statements) const;
  unsigned code_of(const NodeId& node, const std::string& statement) const;

  /// A file of the sandbox's secrets, mode 600.
  std::filesystem::path write_secret(const std::string& name, const std::string& value) const;

  /// Starts servers that are down, thaws frozen ones, and makes them forget all replication, transactions and schemas.
  void reset();
  void stop();

 private:
  void end_dump_threads(const NodeId& node) const;

  Servers();

  std::optional<ctl::sandbox::TemporarySandbox> sandbox_;
  Spec spec_;
};

/// Probes and steps as repld makes them.
class MysqlTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  Snapshot probe(const NodeId& node, std::chrono::milliseconds timeout = 5s);
  std::future<Snapshot> start_probe(const NodeId& node, std::chrono::milliseconds timeout);

  StepResult run(const Step& step, std::chrono::milliseconds timeout = 20s);
  /// Runs the step and expects it to succeed.
  StepResult done(const Step& step, std::chrono::milliseconds timeout = 20s);

  /// db2 and db3 follow db1, as after an apply; semi-sync replicas where asked for.
  void replicate();
  void replicate_with_semi_sync();

  Servers& servers = Servers::shared();
  std::unique_ptr<Watcher> watcher;
  std::map<NodeId, std::unique_ptr<NodeMySQL>> nodes;
  std::shared_ptr<const Spec> spec;
};

}  // namespace repl::mysql::rig
