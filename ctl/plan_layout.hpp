// What an apply changes, shown before anything is touched: the diff of intent, then the steps. Pure: from the JSON of
// POST /api/v1/diff and /api/v1/apply to text.
#pragma once

#include <string>

#include "ctl/json.hpp"
#include "ctl/text.hpp"

namespace repl::ctl {

/// A step's text without its node, for a column of nodes and one of actions.
struct StepWords {
  std::string node;
  std::string action;
};
StepWords words_of_step(const Json& step);

/// "  ~ sync.acks   1 -> 2": one line per change, aligned.
std::string render_changes(const std::vector<const Json*>& changes, const Style& style);

/// The steps of a plan, numbered, with the point after which it only goes forward.
std::string render_steps(const Json& plan, const Style& style);

/// One cluster of an answer to apply.
std::string render_plan(const Json& applied, const Style& style);

/// One cluster of an answer to diff.
std::string render_diff(const Json& cluster, const Style& style);

/// An answer to the comparison of two revisions.
std::string render_revision_diff(const Json& diff, const Style& style);

/// Nothing to do: the plan has no steps.
bool is_empty_plan(const Json& applied);

}  // namespace repl::ctl
