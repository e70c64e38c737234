// From values to the shapes of docs/api.md. Their schemas stand in schemas.cpp, and a test holds the two together.
#pragma once

#include <span>
#include <vector>

#include "serve/json.hpp"
#include "serve/picture.hpp"
#include "spec/detail.hpp"
#include "spec/diff.hpp"
#include "store/store.hpp"

namespace repl::serve {

Json cluster_summary_json(const Picture& cluster);
/// The whole of one cluster: summary, nodes, problems, the operation that is going on.
Json cluster_json(const Picture& cluster);
Json node_json(const NodePicture& node);
Json problem_json(const Problem& problem, const ClusterId& cluster);
Json event_json(const store::StoredEvent& event);
/// @param cluster  which of its revisions is in force
Json revision_summary_json(const AppliedRevision& revision, const Picture& cluster);
Json revision_json(const AppliedRevision& revision, const Picture& cluster);
Json operation_summary_json(const Operation& operation);
/// @param now  of one that is going on: how far its clones are
Json operation_json(const Operation& operation, const ClusterId& cluster, const View* now = nullptr);
Json plan_json(const Plan& plan);
Json error_json(const Error& error);
Json detail_json(const spec::Detail& detail);
Json details_json(std::span<const spec::Detail> details);
Json change_json(const spec::Change& change);
/// Every row of the table of problems.
Json rules_json();

}  // namespace repl::serve
