// The order of a run: gather the nodes, compare their transactions, list the tables, go through them.
#include "run/verification.hpp"

#include <algorithm>
#include <exception>

#include "run/verification_parts.hpp"
#include "run/verification_text.hpp"

namespace repl::run {
namespace {

using namespace std::chrono_literals;
using verify::TableState;

constexpr auto kBetweenAttempts = 500ms;

/// Another attempt may succeed: the node, or the way to it, is in a bad state now.
bool may_pass(ErrorCode code) {
  switch (code) {
    case ErrorCode::ConnectionRefused:
    case ErrorCode::ConnectionLost:
    case ErrorCode::AccessDenied:
    case ErrorCode::TooManyConnections:
    case ErrorCode::DeadlineExceeded:
    case ErrorCode::LockWaitTimeout:
    case ErrorCode::BreakerOpen:
    case ErrorCode::SecretUnavailable:
    case ErrorCode::PreconditionFailed:  // nobody is primary just now
      return true;
    default:
      return false;
  }
}

std::vector<verify::TableId> names_of(const std::vector<verify::TableShape>& tables) {
  std::vector<verify::TableId> names;
  for (const auto& table : tables) names.push_back(table.id);
  return names;
}

/// Who all are compared with: the primary; where several nodes take writes, the first that does.
std::optional<NodeId> reference_of(const ClusterState& state) {
  const auto& spec = state.memory.spec;
  if (!spec) return std::nullopt;
  if (const auto& primary = state.memory.office.primary; primary && spec->find(*primary) != nullptr) return primary;
  for (const auto& node : spec->nodes) {
    const auto* seen = state.view->reachable(node.id);
    if (seen != nullptr && seen->read_only == ReadOnly::Off) return node.id;
  }
  return std::nullopt;
}

}  // namespace

Verification::Verification(Surroundings around, verify::Run run, std::vector<verify::TableProgress> tables)
    : around_(std::move(around)), run_(std::move(run)), tables_(std::move(tables)) {
  for (const auto& row : run_.gtids) own_[row.node] = row.errant;
}

void Verification::work(const std::stop_token& stop) {
  stop_ = stop;
  try {
    work_to_the_end();
  } catch (const std::exception& defect) {
    // Of our own making. It must neither end repld, nor be met anew by each repld that takes the run up again.
    run_.error = Error{ErrorCode::Internal, fmt::format("{} ended at a defect of repld's: {}; please report it",
                                                        run_.table.empty() ? run_.id : run_.table, defect.what())};
    end(verify::RunState::Interrupted, "verify-interrupted", fmt::format("{}: {}", run_.id, run_.error->message));
  }
}

void Verification::work_to_the_end() {
  const std::stop_callback end_calls(stop_, [flag = stopping_] { *flag = true; });
  progress_at_ = counted_to_ = around_.clock.now();
  const bool is_new = run_.gtids.empty();
  run_.state = verify::RunState::Running;
  run_.error.reset();
  tell(Severity::Info, is_new ? "verify-started" : "verify-resumed", std::nullopt, started_text(run_, is_new));
  keep(Keep::Now);
  for (;;) {
    const auto done = go_through();
    if (is_over()) break;
    if (done) {
      const bool clean = !run_.found_differences();
      return end(verify::RunState::Done, "verify-finished", finished_text(run_, clean));
    }
    run_.error = done.error();
    const bool patient = may_pass(done.error().code) && around_.clock.now() - progress_at_ < kPatience;
    if (!patient) {
      return end(verify::RunState::Interrupted, "verify-interrupted",
                 fmt::format("{}: {}", run_.id, done.error().message));
    }
    waits(done.error().message);
    pause(kBetweenAttempts);
    if (is_over()) break;
    run_.error.reset();
  }
  run_.error.reset();
  if (around_.asked_to_stop) {
    return end(verify::RunState::Stopped, "verify-stopped", fmt::format("{}: stopped by a person", run_.id));
  }
  run_.waiting = "repld is not running";
  keep(Keep::Now);
}

void Verification::end(verify::RunState state, const std::string& kind, const std::string& text) {
  run_.state = state;
  run_.waiting.clear();
  if (state == verify::RunState::Done) run_.table.clear();
  const bool bad = state == verify::RunState::Interrupted || run_.found_differences() || run_.left_something_out();
  tell(bad ? Severity::Warning : Severity::Info, kind, std::nullopt, text);
  keep(Keep::Now);
}

Result<void> Verification::go_through() {
  if (const auto gathered = gather(); !gathered) return gathered;
  if (run_.gtids.empty()) {
    if (const auto compared = compare_gtids(); !compared) return compared;
  }
  if (run_.settings.gtid_only) return {};
  if (tables_.empty()) {
    if (const auto listed = list_tables(); !listed) return listed;
  }
  for (auto& table : tables_) {
    if (table.state == TableState::Compared || table.state == TableState::NotCompared) continue;
    if (is_over()) return stopping();
    run_.table = to_string(table.table);
    if (const auto compared = compare_table(table); !compared) return compared;
    keep(Keep::Now, &table);
  }
  return {};
}

Result<void> Verification::gather() {
  const auto state = around_.state();
  const auto reference = reference_of(*state);
  if (!reference) {
    return fail(ErrorCode::PreconditionFailed, "{}: no node takes writes, so there is nothing to compare with",
                around_.cluster);
  }
  const auto& spec = *state->memory.spec;
  const bool is_new = run_.reference.name.empty();
  std::vector<NodeId> before = run_.nodes;
  if (!is_new) before.push_back(run_.reference);
  run_.nodes.clear();
  members_ = {};
  const auto password = mysql::admin_password(spec);
  const auto reader = [&](const NodeSpec& node) {
    return std::make_shared<Reader>(node.id, mysql::endpoint_for(node, spec, password), stopping_);
  };
  for (const auto& node : spec.nodes) {
    if (node.id == *reference) {
      members_.reference = reader(node);
      continue;
    }
    if (is_new) {
      const auto* observed = state->view->find(node.id);
      if (node.delay.count() > 0) {
        run_.left_out.push_back({node.id, "it is delayed on purpose and cannot be waited for", true});
        continue;
      }
      if (observed == nullptr || !observed->reachable()) {
        run_.left_out.push_back({node.id, "it does not answer", false});
        continue;
      }
    } else if (std::find(before.begin(), before.end(), node.id) == before.end()) {
      continue;
    }
    run_.nodes.push_back(node.id);
    members_.others.push_back(reader(node));
  }
  run_.reference = *reference;
  if (members_.others.empty()) {
    return fail(ErrorCode::NoSuchNode, "{}: {} has no node beside it that could be compared", around_.cluster,
                *reference);
  }
  return {};
}

Result<void> Verification::compare_gtids() {
  const auto positions = at_once(around_.cluster, members_.others, [](Reader& r) { return r.position(); });
  if (const auto* error = first_error(positions)) return tl::unexpected(*error);
  std::vector<verify::ExecutedOn> others;
  GtidSet all;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    others.push_back({members_.others[i]->node(), *positions[i]});
    all = unite(all, *positions[i]);
  }
  // Semi-sync replicas, and writers of their own, have transactions before the reference shows them.
  auto reference = members_.reference->position();
  if (!reference) return tl::unexpected(reference.error());
  const auto came = reference_gets(subtract(all, *reference), "what the others have");
  if (!came) return tl::unexpected(came.error());
  reference = members_.reference->position();
  if (!reference) return tl::unexpected(reference.error());
  run_.gtids = verify::compare_gtids({members_.reference->node(), *reference}, others);
  for (const auto& row : run_.gtids) {
    own_[row.node] = row.errant;
    if (row.errant.empty()) continue;
    tell(Severity::Warning, "difference-found", row.node,
         fmt::format("{} has {} transactions that {} has not: {}", row.node, row.errant.count(),
                     members_.reference->node(), row.errant.to_string()));
  }
  progress_at_ = around_.clock.now();
  keep(Keep::Now);
  return {};
}

Result<void> Verification::list_tables() {
  auto& reference = *members_.reference;
  std::vector<verify::TableShape> listed;
  // What is on other nodes only, in two looks: a table that is being created or dropped is no difference.
  std::map<verify::TableId, std::set<NodeId>> only_elsewhere;
  for (int round = 0; round < 2; ++round) {
    const auto found = at_once(around_.cluster, members_.others, [&](Reader& r) { return r.tables(run_.settings); });
    if (const auto* error = first_error(found)) return tl::unexpected(*error);
    for (const auto& node : members_.others) {
      if (const auto up = bring_up_reference(*node); !up) return up;
    }
    auto tables = reference.tables(run_.settings);
    if (!tables) return tl::unexpected(tables.error());
    listed = std::move(*tables);
    const auto names = names_of(listed);
    std::map<verify::TableId, std::set<NodeId>> elsewhere;
    for (std::size_t i = 0; i < found.size(); ++i) {
      for (const auto& table : *found[i]) {
        const auto& node = members_.others[i]->node();
        if (std::binary_search(names.begin(), names.end(), table.id)) continue;
        if (round == 0 || only_elsewhere[table.id].contains(node)) elsewhere[table.id].insert(node);
      }
    }
    only_elsewhere = std::move(elsewhere);
    if (only_elsewhere.empty()) break;
    if (const auto position = reference.position(); !position) {
      return tl::unexpected(position.error());
    } else {
      for (const auto& node : members_.others) {
        if (const auto up = bring_up(*node, *position); !up) return up;
      }
    }
  }
  if (const auto lacking = not_there(run_.settings, names_of(listed), only_elsewhere); !lacking.empty()) {
    return fail(ErrorCode::InvalidArgument, "{} has no table in {}: correct the names, and start anew",
                reference.node(), lacking);
  }
  for (const auto& table : listed) {
    tables_.push_back({.table = table.id, .rows_expected = table.rows_estimate, .done_to = std::nullopt});
  }
  for (const auto& [table, nodes] : only_elsewhere) {
    auto& progress = tables_.emplace_back(verify::TableProgress{.table = table, .done_to = std::nullopt});
    for (const auto& node : nodes) {
      found(progress, {.table = table,
                       .node = node,
                       .kind = verify::FindingKind::TableExtra,
                       .text = fmt::format("{} is on {} and not on {}", to_string(table), node, reference.node())});
    }
    not_compared(progress, fmt::format("{} has no such table", reference.node()));
  }
  std::sort(tables_.begin(), tables_.end(), [](const auto& a, const auto& b) { return a.table < b.table; });
  progress_at_ = around_.clock.now();
  keep(Keep::Now);
  return {};
}

}  // namespace repl::run
