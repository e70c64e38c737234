// The walk through the tables.
#include "run/verification.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <future>
#include <thread>

#include "model/log_scope.hpp"
#include "run/verification_text.hpp"

namespace repl::run {
namespace {

using namespace std::chrono_literals;
using verify::TableState;

/// So long a node may fail, or not apply anything, before the run is interrupted.
constexpr auto kPatience = 60s;
constexpr auto kBetweenAttempts = 500ms;
/// What a node has and the reference has not got within this time is its own.
constexpr auto kSettleTime = 3s;
constexpr auto kKeepInterval = 500ms;
constexpr std::uint64_t kMostRowsAtOnce = 2 * verify::ChunkSize::kMost;
/// Beyond so many open rows the whole range is read again.
constexpr std::size_t kMostKeysInAStatement = 200;
/// Further differences are in the findings only.
constexpr std::uint64_t kMostEvents = 20;

tl::unexpected<Error> stopping() {
  return fail(ErrorCode::Stopping, "the verification is being stopped");
}

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

/// `work(reader)` of all readers at the same time; the results in their order.
template <class Readers, class Work>
auto at_once(const ClusterId& cluster, const Readers& readers, const Work& work) {
  using Outcome = decltype(work(*readers.front()));
  std::vector<std::future<Outcome>> going;
  for (const auto& reader : readers) {
    going.push_back(std::async(std::launch::async, [&cluster, &work, reader] {
      const LogScope scope{cluster.name};
      return work(*reader);
    }));
  }
  std::vector<Outcome> outcomes;
  for (auto& one : going) outcomes.push_back(one.get());
  return outcomes;
}

template <class Outcomes>
const Error* first_error(const Outcomes& outcomes) {
  const auto failed = std::find_if(outcomes.begin(), outcomes.end(), [](const auto& o) { return !o.has_value(); });
  return failed == outcomes.end() ? nullptr : &failed->error();
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

// ---- the order of a run ---------------------------------------------------------------------------------------------

void Verification::work(const std::stop_token& stop) {
  stop_ = stop;
  const std::stop_callback end_calls(stop, [flag = stopping_] { *flag = true; });
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
  const bool bad = state == verify::RunState::Interrupted || run_.found_differences();
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
  // Semi-sync replicas, and writers of their own, have transactions a moment before the reference shows them.
  auto reference = members_.reference->position();
  if (reference && !reference->contains(all)) {
    const auto settled = members_.reference->wait_for(subtract(all, *reference), kSettleTime);
    if (!settled) return tl::unexpected(settled.error());
    reference = members_.reference->position();
  }
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
      if (const auto had = reference_has_what(*node); !had) return tl::unexpected(had.error());
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

// ---- one table ------------------------------------------------------------------------------------------------------

Result<void> Verification::compare_table(verify::TableProgress& table) {
  const auto comparable = compare_definitions(table);
  if (!comparable) return tl::unexpected(comparable.error());
  const auto& [shape, nodes] = *comparable;
  progress_at_ = around_.clock.now();
  if (!shape) {
    not_compared(table, "it was dropped meanwhile");
    return {};
  }
  table.rows_expected = std::max(shape->rows_estimate, table.rows);
  if (const auto why = verify::why_not_comparable(*shape); !why.empty()) {
    not_compared(table, why);
    return {};
  }
  if (nodes.empty()) {
    not_compared(table, "no other node has it with the same definition");
    return {};
  }
  table.state = TableState::Comparing;
  return compare_rows(table, *shape, nodes);
}

Result<Verification::Comparable> Verification::compare_definitions(verify::TableProgress& table) {
  auto& reference = *members_.reference;
  // As with rows: only what stands still on the reference around the look at the node is compared.
  for (int round = 0;; ++round) {
    const auto before = reference.shape(table.table);
    if (!before) return tl::unexpected(before.error());
    const auto position = reference.position();
    if (!position) return tl::unexpected(position.error());
    for (const auto& node : members_.others) {
      if (const auto up = bring_up(*node, *position); !up) return tl::unexpected(up.error());
    }
    const auto shapes = at_once(around_.cluster, members_.others, [&](Reader& r) { return r.shape(table.table); });
    if (const auto* error = first_error(shapes)) return tl::unexpected(*error);
    for (const auto& node : members_.others) {
      if (const auto had = reference_has_what(*node); !had) return tl::unexpected(had.error());
    }
    const auto after = reference.shape(table.table);
    if (!after) return tl::unexpected(after.error());
    if (!*after) return Comparable{};
    const bool stood_still = *before && verify::difference_of(**before, **after, "", "").empty();
    bool differs = false;
    Comparable out{*after, {}};
    std::vector<verify::Finding> findings;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      const auto& there = *shapes[i];
      const auto& node = members_.others[i];
      const auto difference =
          there ? verify::difference_of(**after, *there, reference.node().name, node->node().name) : "it is missing";
      if (difference.empty()) {
        out.nodes.push_back(node);
        continue;
      }
      differs = true;
      findings.push_back({.table = table.table,
                          .node = node->node(),
                          .kind = there ? verify::FindingKind::OtherDefinition : verify::FindingKind::TableMissing,
                          .text = there ? fmt::format("{} on {}: {}", to_string(table.table), node->node(), difference)
                                        : fmt::format("{} is on {} and not on {}", to_string(table.table),
                                                      reference.node(), node->node())});
    }
    if (differs && (!stood_still || round == 0) && round < 5) continue;  // seen twice before it is told
    if (table.state == TableState::Waiting) {                            // else it was told before an interruption
      for (auto& finding : findings) found(table, std::move(finding));
    }
    return out;
  }
}

Result<void> Verification::compare_rows(verify::TableProgress& table, const verify::TableShape& shape,
                                        const std::vector<std::shared_ptr<Reader>>& nodes) {
  verify::ChunkSize size;
  while (table.state == TableState::Comparing) {
    const auto at_end = compare_chunk(table, shape, nodes, size);
    if (!at_end) return tl::unexpected(at_end.error());
    if (*at_end && table.state == TableState::Comparing) table.state = TableState::Compared;
    progress_at_ = around_.clock.now();
    keep(Keep::Soon, &table);
  }
  return {};
}

Result<bool> Verification::compare_chunk(verify::TableProgress& table, const verify::TableShape& shape,
                                         const std::vector<std::shared_ptr<Reader>>& nodes, verify::ChunkSize& size) {
  if (const auto calm = wait_until_calm(table, nodes); !calm) return tl::unexpected(calm.error());
  /// What of an error belongs to the table, and not to a node: a smaller chunk, or none at all.
  const auto give_way = [&](const Error& error) -> Result<bool> {
    if (is_over()) return stopping();
    if (error.code == ErrorCode::DeadlineExceeded && shape.key && size.cut_off()) return false;
    if (error.code != ErrorCode::DeadlineExceeded && error.code != ErrorCode::ServerRefused) {
      return tl::unexpected(error);
    }
    not_compared(table, error.message);
    return true;
  };
  verify::KeyRange range{table.done_to, std::nullopt};
  if (shape.key) {
    auto boundary = members_.reference->boundary(shape, range.after, size.rows());
    if (!boundary) return give_way(boundary.error());
    range.up_to = std::move(*boundary);
  }
  auto all = nodes;
  all.push_back(members_.reference);
  const auto began = around_.clock.now();
  const auto sums = at_once(around_.cluster, all, [&](Reader& r) { return r.sum(shape, range); });
  if (const auto* error = first_error(sums)) return give_way(*error);
  const auto& right = *sums.back();
  size.took(right.rows, around_.clock.now() - began);
  Settled outcome;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (*sums[i] == right) continue;
    if (const auto settled = settle({shape, *nodes[i], range}, outcome); !settled) {
      const auto& error = settled.error();
      return error.code == ErrorCode::ServerRefused ? give_way(error) : tl::unexpected(error);
    }
  }
  for (auto& finding : outcome.findings) found(table, std::move(finding));
  table.unsettled += outcome.unsettled;
  table.rows += right.rows;
  ++table.chunks;
  table.done_to = range.up_to;
  around_.observer.chunk_verified(around_.cluster, right.rows);
  return !range.up_to.has_value();
}

Result<void> Verification::settle(const Disputed& disputed, Settled& outcome) {
  std::vector<verify::KeyRange> pieces{disputed.range};
  while (!pieces.empty()) {
    auto range = std::move(pieces.back());
    pieces.pop_back();
    verify::Dispute dispute;
    while (!dispute.settled()) {
      auto keys = dispute.rounds() > 0 ? dispute.open() : std::vector<verify::Key>{};
      if (keys.size() > kMostKeysInAStatement) keys.clear();
      auto looked = look({disputed.shape, disputed.node, range}, keys);
      if (!looked) return tl::unexpected(looked.error());
      if (looked->cut_at && !disputed.shape.key) {
        return fail(ErrorCode::ServerRefused,
                    "it has no key, and too many rows to look at them all at once: give it a primary key");
      }
      if (looked->cut_at) {
        pieces.push_back({looked->cut_at, range.up_to});
        range.up_to = looked->cut_at;
        dispute = {};
        continue;
      }
      dispute.take(looked->round);
      if (!dispute.settled()) pause(20ms * dispute.rounds());
    }
    outcome.unsettled += dispute.open().size();
    auto finding = verify::finding_of(disputed.shape, disputed.node.node(), dispute, around_.clock.now());
    if (finding) outcome.findings.push_back(std::move(*finding));
  }
  return {};
}

Result<Verification::Look> Verification::look(const Disputed& disputed, const std::vector<verify::Key>& keys) {
  auto& reference = *members_.reference;
  const auto read = [&](Reader& reader) { return reader.rows(disputed.shape, disputed.range, keys, kMostRowsAtOnce); };
  for (;;) {
    const auto began_at = reference.position();
    if (!began_at) return tl::unexpected(began_at.error());
    auto before = read(reference);
    if (!before) return tl::unexpected(before.error());
    const auto position = reference.position();
    if (!position) return tl::unexpected(position.error());
    if (const auto up = bring_up(disputed.node, *position); !up) return tl::unexpected(up.error());
    auto there = read(disputed.node);
    if (!there) return tl::unexpected(there.error());
    const auto had = reference_has_what(disputed.node);
    if (!had) return tl::unexpected(had.error());
    if (!*had) {  // a commit that waits on the reference: what it changes is no difference
      if (const auto patient =
              check_patience(fmt::format("{} does not commit what {} has", reference.node(), disputed.node.node()));
          !patient) {
        return tl::unexpected(patient.error());
      }
      continue;
    }
    auto after = read(reference);
    if (!after) return tl::unexpected(after.error());
    const auto ended_at = reference.position();
    if (!ended_at) return tl::unexpected(ended_at.error());
    for (auto* side : {&*there, &*before, &*after}) {
      if (side->cut_at) return Look{{}, std::move(side->cut_at)};
    }
    return Look{{.reference_before = std::move(before->rows),
                 .node = std::move(there->rows),
                 .reference_after = std::move(after->rows),
                 .quiet = *began_at == *ended_at},
                std::nullopt};
  }
}

// ---- fences ---------------------------------------------------------------------------------------------------------

Result<void> Verification::wait_until_calm(const verify::TableProgress& table,
                                           const std::vector<std::shared_ptr<Reader>>& nodes) {
  for (bool waited = true; waited;) {
    waited = false;
    while (const auto why = why_hold_back(*around_.state())) {
      if (is_over()) return stopping();
      waits(*why);
      progress_at_ = around_.clock.now();
      pause(200ms);
    }
    const auto position = members_.reference->position();
    if (!position) return tl::unexpected(position.error());
    const auto since = around_.clock.now();
    const auto applied = [&](std::chrono::milliseconds within) {
      return at_once(around_.cluster, nodes, [&](Reader& r) { return r.wait_for(*position, within); });
    };
    for (;;) {
      const auto left =
          run_.settings.max_lag - std::chrono::floor<std::chrono::milliseconds>(around_.clock.now() - since);
      const auto outcomes = applied(left.count() > 0 ? std::min<std::chrono::milliseconds>(left, 1000ms) : 1000ms);
      if (is_over()) return stopping();
      if (const auto* error = first_error(outcomes)) return tl::unexpected(*error);
      run_.longest_wait = std::max(run_.longest_wait, around_.clock.now() - since);
      const auto late = std::find_if(outcomes.begin(), outcomes.end(), [](const auto& o) { return !*o; });
      if (late == outcomes.end()) break;
      if (around_.clock.now() - since < run_.settings.max_lag) continue;
      if (!std::exchange(waited, true)) keep(Keep::Now, &table);  // it may take long
      const auto& node = nodes[static_cast<std::size_t>(late - outcomes.begin())]->node();
      const auto behind = std::chrono::duration<double>(around_.clock.now() - since).count();
      waits(fmt::format("{} is {:.1f} s behind", node, behind));
      note_progress(*nodes[static_cast<std::size_t>(late - outcomes.begin())]);
      const auto patient =
          check_patience(fmt::format("{} has applied nothing new for {:.0f} s; `replctl status` says "
                                     "how its replication is",
                                     node, behind));
      if (!patient) return patient;
    }
  }
  waits("");
  return {};
}

Result<void> Verification::bring_up(Reader& node, const GtidSet& position) {
  for (;;) {
    const auto applied = node.wait_for(position, 1000ms);
    if (is_over()) return stopping();
    if (!applied) return tl::unexpected(applied.error());
    if (*applied) {
      waits("");
      return {};
    }
    waits(fmt::format("{} has not applied yet what {} has", node.node(), run_.reference));
    note_progress(node);
    const auto patient =
        check_patience(fmt::format("{} does not apply what {} has; `replctl status` says how its "
                                   "replication is",
                                   node.node(), run_.reference));
    if (!patient) return patient;
  }
}

Result<bool> Verification::reference_has_what(Reader& node) {
  auto& reference = *members_.reference;
  const auto there = node.position();
  if (!there) return tl::unexpected(there.error());
  const auto here = reference.position();
  if (!here) return tl::unexpected(here.error());
  const auto lacking = subtract(subtract(*there, *here), own_[node.node()]);
  const auto came = reference.wait_for(lacking, kSettleTime);
  if (!came) return tl::unexpected(came.error());
  if (*came) return true;
  const auto state = around_.state();
  const auto* seen = state->view->reachable(reference.node());
  if (seen != nullptr && seen->semi_sync.wait_sessions == 0) {
    const auto now = reference.position();
    if (!now) return tl::unexpected(now.error());
    own_[node.node()] = unite(own_[node.node()], subtract(lacking, *now));
  }
  return false;
}

void Verification::note_progress(Reader& node) {
  const auto position = node.position();
  if (!position || last_seen_[node.node()] == *position) return;
  last_seen_[node.node()] = *position;
  progress_at_ = around_.clock.now();
}

Result<void> Verification::check_patience(const std::string& what) const {
  if (is_over()) return stopping();
  if (around_.clock.now() - progress_at_ < kPatience) return {};
  return fail(ErrorCode::DeadlineExceeded, "{}", what);
}

// ---- records --------------------------------------------------------------------------------------------------------

void Verification::not_compared(verify::TableProgress& table, const std::string& why) {
  table.state = TableState::NotCompared;
  table.why = why;
}

void Verification::found(verify::TableProgress& table, verify::Finding finding) {
  finding.at = around_.clock.now();
  table.differences += finding.kind == verify::FindingKind::Rows ? finding.rows() : 1;
  if (told_++ < kMostEvents) tell(Severity::Warning, "difference-found", finding.node, finding.text);
  findings_.push_back(std::move(finding));
}

void Verification::waits(const std::string& why) {
  if (run_.waiting == why) return;
  run_.waiting = why;
  around_.publish(run_);
}

void Verification::tell(Severity severity, const std::string& kind, const std::optional<NodeId>& node,
                        const std::string& text) {
  spdlog::log(severity == Severity::Info ? spdlog::level::info : spdlog::level::warn, "{}: {}", kind, text);
  events_.push_back({.at = around_.clock.now(), .severity = severity, .kind = kind, .node = node, .text = text});
}

void Verification::count_up() {
  const auto now = around_.clock.now();
  run_.worked += now - counted_to_;
  run_.finished = counted_to_ = now;
  run_.tables = tables_.size();
  run_.tables_done = run_.tables_not_compared = run_.rows_expected = run_.rows = run_.chunks = run_.differences =
      run_.unsettled = 0;
  for (const auto& table : tables_) {
    const bool compared = table.state == TableState::Compared, not_to_be = table.state == TableState::NotCompared;
    run_.tables_done += compared || not_to_be ? 1 : 0;
    run_.tables_not_compared += not_to_be ? 1 : 0;
    run_.rows_expected += compared || not_to_be ? table.rows : std::max(table.rows_expected, table.rows);
    run_.rows += table.rows;
    run_.chunks += table.chunks;
    run_.differences += table.differences;
    run_.unsettled += table.unsettled;
  }
}

void Verification::keep(Keep when, const verify::TableProgress* table) {
  count_up();
  around_.publish(run_);
  const auto now = around_.clock.now();
  if (when == Keep::Soon && findings_.empty() && now - kept_at_ < kKeepInterval) return;
  kept_at_ = now;
  store::VerifyRecord record{.run = run_, .tables = {}, .findings = findings_};
  if (table != nullptr) {
    record.tables.push_back(*table);
  } else {
    record.tables = tables_;
  }
  const auto written = around_.store.write({.cluster = around_.cluster,
                                            .memory = std::nullopt,
                                            .operations = {},
                                            .events = events_,
                                            .revision = std::nullopt,
                                            .verification = std::move(record)});
  if (!written) {  // findings and events go along with the next record
    spdlog::error("{}: {}", run_.id, written.error().message);
    return;
  }
  for (const auto& event : events_) around_.observer.event_recorded(around_.cluster, event);
  findings_.clear();
  events_.clear();
}

void Verification::pause(std::chrono::milliseconds time) const {
  for (const auto until = around_.clock.now() + time; !is_over() && around_.clock.now() < until;) {
    std::this_thread::sleep_for(std::min<std::chrono::milliseconds>(time, 20ms));
  }
}

}  // namespace repl::run
