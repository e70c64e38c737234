// Server variables that a spec no longer names go back to what they were before the first one that named them. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/operation.hpp"
#include "model/revision.hpp"
#include "model/spec.hpp"
#include "model/view.hpp"

namespace repl::plan {

/// A variable of one server that has to go back.
struct PutBack {
  std::string name;
  std::optional<VariableState> to;  ///< Empty: set by a repld that did not keep what it was before.
  bool operator==(const PutBack&) const = default;
};

/// What `wanted` names no more on that node: what was captured of its server, and what `before` names beside that.
/// @param before  the spec in force; null before the first apply
std::vector<PutBack> to_put_back(const Spec& wanted, const Spec* before, const Snapshot& node,
                                 const PriorSettings& prior);

/// The step for it; empty when the server is so already. A RestartServer where only a start puts it back.
std::optional<Step> step_for(const PutBack& put_back, const NodeId& node, const Inventory& has);

/// `prior` as it is once `wanted` is in force: without what has been put back, and with what `wanted` names for the
/// first time, as it is now. Servers without an inventory in `view` keep what is known of them.
PriorSettings captured(PriorSettings prior, const Spec& wanted, const Spec* before, const View& view);

/// What will be put back, in sentences: "db1, db2: max_connections goes back to 151".
std::vector<std::string> put_back_notes(const Spec& wanted, const Spec* before, const View& view,
                                        const PriorSettings& prior);

}  // namespace repl::plan
