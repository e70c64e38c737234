// All clusters that this repld manages: one Runner each, taken up from the store at the start.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "run/registry.hpp"
#include "run/runner.hpp"

namespace repl::run {

/// Thread-safe.
class Daemon : public Registry {
 public:
  /// Takes up every cluster of the store. @errors StoreFailed
  /// @param hooks_directory  of repld.yaml
  static Result<std::unique_ptr<Daemon>> start(store::Store& store, mysql::Watcher& watcher, const Clock& clock,
                                               Observer& observer, std::string hooks_directory);
  ~Daemon() override;

  std::vector<std::shared_ptr<const ClusterState>> clusters() const override;
  std::shared_ptr<const ClusterState> find(const ClusterId& cluster) const override;
  Result<control::Reply> ask(const ClusterId& cluster, control::Request request, Time deadline) override;
  Result<void> forget(const ClusterId& cluster) override;
  Result<std::string> verify(const ClusterId& cluster, const VerifyOrder& order) override;
  Result<void> stop_verification(const ClusterId& cluster) override;

 private:
  Daemon(store::Store& store, mysql::Watcher& watcher, const Clock& clock, Observer& observer,
         std::string hooks_directory);

  std::shared_ptr<Runner> runner(const ClusterId& cluster) const;
  /// @errors NoSuchCluster
  Result<std::shared_ptr<Runner>> managed(const ClusterId& cluster) const;
  std::shared_ptr<Runner> add(const ClusterId& cluster, Memory memory);
  /// Ends the runner's loop outside of the lock.
  void drop(const ClusterId& cluster);

  store::Store& store_;
  mysql::Watcher& watcher_;
  const Clock& clock_;
  Observer& observer_;
  const std::string hooks_directory_;
  mutable std::mutex mutex_;
  std::map<ClusterId, std::shared_ptr<Runner>> runners_;  // under mutex_
};

}  // namespace repl::run
