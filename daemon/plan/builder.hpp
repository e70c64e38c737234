// Puts a plan together: steps of one node follow each other, steps of different nodes run at the same time unless told.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/operation.hpp"

namespace repl::plan {

enum class Must { Succeed, BestEffort };

class Builder {
 public:
  using Index = std::size_t;

  explicit Builder(Goal goal) { plan_.goal = goal; }

  /// Adds a step after the previous one of the same node, and after those in `after`.
  Index add(Step step, std::vector<Index> after = {}, Must must = Must::Succeed) {
    const auto& node = node_of(step);
    if (const auto last = last_.find(node); last != last_.end()) after.push_back(last->second);
    last_[node] = plan_.steps.size();
    plan_.steps.push_back({std::move(step), unique(std::move(after)), must == Must::BestEffort});
    return plan_.steps.size() - 1;
  }
  /// Adds a step that does not wait for the others of its node.
  Index add_beside(Step step, std::vector<Index> after = {}, Must must = Must::Succeed) {
    plan_.steps.push_back({std::move(step), unique(std::move(after)), must == Must::BestEffort});
    return plan_.steps.size() - 1;
  }
  /// The step of `node` that was added last, beside those that were added beside the others.
  std::optional<Index> last_of(const NodeId& node) const {
    const auto found = last_.find(node);
    return found == last_.end() ? std::nullopt : std::optional{found->second};
  }
  /// Adds all steps of another plan after those in `after`, and its point of no return. Where its first steps went.
  Index append(Plan other, const std::vector<Index>& after) {
    const auto offset = plan_.steps.size();
    for (auto& planned : other.steps) {
      for (auto& index : planned.after) index += offset;
      if (planned.after.empty()) planned.after = unique(after);
      last_[node_of(planned.step)] = plan_.steps.size();
      plan_.steps.push_back(std::move(planned));
    }
    for (auto& reason : other.reasons) because(std::move(reason));
    if (other.promotes) opens(other.point_of_no_return + offset, *other.promotes);
    return offset;
  }
  /// The steps so far.
  const std::vector<PlannedStep>& steps() const { return plan_.steps; }
  void because(std::string reason) { plan_.reasons.push_back(std::move(reason)); }
  /// The step at `index` is the point of no return, and makes `node` the primary.
  void opens(Index index, const NodeId& node) {
    plan_.point_of_no_return = index;
    plan_.promotes = node;
    has_point_of_no_return_ = true;
  }
  Plan take() && {
    if (!has_point_of_no_return_) plan_.point_of_no_return = plan_.steps.size();
    return std::move(plan_);
  }

 private:
  static std::vector<Index> unique(std::vector<Index> indices) {
    std::sort(indices.begin(), indices.end());
    indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
    return indices;
  }

  Plan plan_;
  std::map<NodeId, Index> last_;
  bool has_point_of_no_return_ = false;
};

}  // namespace repl::plan
