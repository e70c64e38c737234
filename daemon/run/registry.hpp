// The clusters that this repld manages, as the HTTP API sees them: read what is known, ask for changes. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/controller.hpp"
#include "model/operation.hpp"
#include "model/problem.hpp"
#include "model/view.hpp"
#include "verify/run.hpp"

namespace repl::run {

/// What readers get of one cluster: consistent, immutable, at most one controller step old.
struct ClusterState {
  ClusterId cluster;
  Memory memory;
  std::shared_ptr<const View> view;
  std::shared_ptr<const std::vector<Problem>> problems;
  std::shared_ptr<const verify::Run> verification;  ///< The latest; null: there was none.
  /// The last one that is done and compared all that the topology file asks for; null: there was none.
  std::shared_ptr<const verify::Run> full_verification{};
};

/// A verification that somebody asks for.
struct VerifyOrder {
  verify::Settings settings;
  bool resume = false;  ///< Go on with the latest, which was stopped or interrupted; `settings` mean nothing then.
  std::string asked_by;
};

class Registry {
 public:
  virtual ~Registry() = default;

  /// Sorted by name.
  virtual std::vector<std::shared_ptr<const ClusterState>> clusters() const = 0;
  /// Null when there is no such cluster.
  virtual std::shared_ptr<const ClusterState> find(const ClusterId& cluster) const = 0;

  /// Hands a request to the cluster's controller and waits for its reply until `deadline`.
  /// ApplySpec for an unknown cluster makes it known (in a dry run only for as long as the request lasts).
  /// @errors NoSuchCluster, DeadlineExceeded, and what the controller refuses
  virtual Result<control::Reply> ask(const ClusterId& cluster, control::Request request, Time deadline) = 0;

  /// Stops managing the cluster; its servers are left as they are. Refused (Conflict) while an operation runs.
  virtual Result<void> forget(const ClusterId& cluster) = 0;

  /// Starts a verification and gives its id.
  /// @errors NoSuchCluster; Conflict: one is running; NotSupported: no GTIDs; PreconditionFailed: nothing to go on with
  virtual Result<std::string> verify(const ClusterId& cluster, const VerifyOrder& order) = 0;
  /// Returns when it has ended. @errors NoSuchCluster; PreconditionFailed: none is running
  virtual Result<void> stop_verification(const ClusterId& cluster) = 0;
};

}  // namespace repl::run
