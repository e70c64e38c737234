// The map of runners.
#include "run/daemon.hpp"

namespace repl::run {

Daemon::Daemon(store::Store& store, mysql::Watcher& watcher, const Clock& clock, Observer& observer,
               std::string hooks_directory)
    : store_(store),
      watcher_(watcher),
      clock_(clock),
      observer_(observer),
      hooks_directory_(std::move(hooks_directory)) {}

Daemon::~Daemon() = default;

Result<std::unique_ptr<Daemon>> Daemon::start(store::Store& store, mysql::Watcher& watcher, const Clock& clock,
                                              Observer& observer, std::string hooks_directory) {
  auto remembered = store.clusters();
  if (!remembered) return tl::unexpected(remembered.error());
  std::unique_ptr<Daemon> daemon{new Daemon{store, watcher, clock, observer, std::move(hooks_directory)}};
  for (auto& [cluster, memory] : *remembered) daemon->add(cluster, std::move(memory));
  return daemon;
}

std::shared_ptr<Runner> Daemon::runner(const ClusterId& cluster) const {
  const std::lock_guard lock{mutex_};
  const auto found = runners_.find(cluster);
  return found == runners_.end() ? nullptr : found->second;
}

std::shared_ptr<Runner> Daemon::add(const ClusterId& cluster, Memory memory) {
  const std::lock_guard lock{mutex_};
  auto& slot = runners_[cluster];
  if (!slot) {
    observer_.cluster_added(cluster);
    slot = std::make_shared<Runner>(cluster, std::move(memory), store_, watcher_, clock_, observer_, hooks_directory_);
  }
  return slot;
}

void Daemon::drop(const ClusterId& cluster) {
  std::shared_ptr<Runner> dropped;
  {
    const std::lock_guard lock{mutex_};
    const auto found = runners_.find(cluster);
    if (found == runners_.end()) return;
    dropped = std::move(found->second);
    runners_.erase(found);
  }
  observer_.cluster_forgotten(cluster);
}

std::vector<std::shared_ptr<const ClusterState>> Daemon::clusters() const {
  const std::lock_guard lock{mutex_};
  std::vector<std::shared_ptr<const ClusterState>> out;
  for (const auto& [id, runner] : runners_) {
    if (!runner->blank()) out.push_back(runner->state());
  }
  return out;
}

std::shared_ptr<const ClusterState> Daemon::find(const ClusterId& cluster) const {
  const auto found = runner(cluster);
  return found && !found->blank() ? found->state() : nullptr;
}

Result<control::Reply> Daemon::ask(const ClusterId& cluster, control::Request request, Time deadline) {
  auto found = runner(cluster);
  if (!found) {
    if (!std::holds_alternative<control::ApplySpec>(request.what)) {
      return fail(ErrorCode::NoSuchCluster, "no cluster is called {}; `replctl clusters` lists them", cluster);
    }
    found = add(cluster, Memory{});
  }
  auto reply = found->ask(std::move(request), deadline);
  if (found->blank() && (!reply || !reply->operation)) drop(cluster);
  return reply;
}

Result<std::shared_ptr<Runner>> Daemon::managed(const ClusterId& cluster) const {
  auto found = runner(cluster);
  if (!found || found->blank()) {
    return fail(ErrorCode::NoSuchCluster, "no cluster is called {}; `replctl clusters` lists them", cluster);
  }
  return found;
}

Result<std::string> Daemon::verify(const ClusterId& cluster, const VerifyOrder& order) {
  const auto found = managed(cluster);
  if (!found) return tl::unexpected(found.error());
  return (*found)->verifier().start(order);
}

Result<void> Daemon::stop_verification(const ClusterId& cluster) {
  const auto found = managed(cluster);
  if (!found) return tl::unexpected(found.error());
  return (*found)->verifier().stop();
}

Result<void> Daemon::forget(const ClusterId& cluster) {
  auto found = managed(cluster);
  if (!found) return tl::unexpected(found.error());
  if (const auto state = (*found)->state(); state->memory.operation) {
    return fail(ErrorCode::Conflict, "{}: operation {} is running; wait for it, then ask again", cluster,
                state->memory.operation->id);
  }
  found->reset();
  drop(cluster);
  return store_.forget(cluster);
}

}  // namespace repl::run
