// One table: its definition on all nodes, then its rows, chunk by chunk; what differs is looked at row by row.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "run/verification.hpp"
#include "run/verification_parts.hpp"

namespace repl::run {
namespace {

using namespace std::chrono_literals;
using verify::TableState;

constexpr std::uint64_t kMostRowsAtOnce = 2 * verify::ChunkSize::kMost;
/// Beyond so many open rows the whole range is read again.
constexpr std::size_t kMostKeysInAStatement = 200;
/// A table that is altered while it is read is begun so many times.
constexpr int kMostStarts = 3;

}  // namespace

Result<void> Verification::compare_table(verify::TableProgress& table) {
  for (int start = 1;; ++start) {
    const auto comparable = compare_definitions(table);
    if (!comparable) return tl::unexpected(comparable.error());
    const auto& [shape, nodes] = *comparable;
    progress_at_ = around_.clock.now();
    if (!shape) {
      not_compared(table, "it was dropped meanwhile");
      return {};
    }
    const auto definition = verify::definition_of(*shape);
    if (table.state == TableState::Comparing && table.definition != definition) {  // altered since an interruption
      start_anew(table);
      continue;
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
    table.definition = definition;
    table.state = TableState::Comparing;
    const auto next = compare_rows(table, *shape, nodes);
    if (!next) return tl::unexpected(next.error());
    if (*next == Next::NoMore) return {};
    if (start == kMostStarts) {
      not_compared(table, "it was altered each time that it was read");
      return {};
    }
    start_anew(table);
  }
}

void Verification::start_anew(verify::TableProgress& table) {
  spdlog::info("{}: {} was altered while it was read, and is read from the beginning", run_.id, to_string(table.table));
  const auto id = table.table;
  table = {.table = id, .rows_expected = table.rows_expected, .done_to = std::nullopt};
  std::erase_if(findings_, [&](const verify::Finding& f) { return f.table == id; });
  forgotten_.push_back(id);
  keep(Keep::Now, &table);
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
      if (const auto up = bring_up_reference(*node); !up) return tl::unexpected(up.error());
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

Result<Verification::Next> Verification::compare_rows(verify::TableProgress& table, const verify::TableShape& shape,
                                                      const std::vector<std::shared_ptr<Reader>>& nodes) {
  verify::ChunkSize size;
  for (;;) {
    const auto next = compare_chunk(table, shape, nodes, size);
    if (!next) return tl::unexpected(next.error());
    progress_at_ = around_.clock.now();
    if (*next != Next::Anew) keep(Keep::Soon, &table);
    if (*next != Next::Chunk) return next;
  }
}

Result<bool> Verification::is_still(const verify::TableShape& shape,
                                    const std::vector<std::shared_ptr<Reader>>& nodes) {
  auto all = nodes;
  all.push_back(members_.reference);
  const auto now = at_once(around_.cluster, all, [&](Reader& r) { return r.shape(shape.id); });
  if (const auto* error = first_error(now)) return tl::unexpected(*error);
  const auto definition = verify::definition_of(shape);
  return std::all_of(now.begin(), now.end(),
                     [&](const auto& s) { return *s && verify::definition_of(**s) == definition; });
}

Result<Verification::Next> Verification::compare_chunk(verify::TableProgress& table, const verify::TableShape& shape,
                                                       const std::vector<std::shared_ptr<Reader>>& nodes,
                                                       verify::ChunkSize& size) {
  if (const auto calm = wait_until_calm(table, nodes); !calm) return tl::unexpected(calm.error());
  /// What of an error belongs to the table, and not to a node: it is another by now, wants smaller chunks, or none.
  const auto give_way = [&](const Error& error) -> Result<Next> {
    if (is_over()) return stopping();
    if (error.code == ErrorCode::DeadlineExceeded && shape.key && size.cut_off()) return Next::Chunk;
    if (error.code != ErrorCode::DeadlineExceeded && error.code != ErrorCode::ServerRefused) {
      return tl::unexpected(error);
    }
    const auto still = is_still(shape, nodes);
    if (!still) return tl::unexpected(still.error());
    if (!*still) return Next::Anew;
    not_compared(table, error.message);
    return Next::NoMore;
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
  const bool at_end = !range.up_to.has_value();
  if (at_end) {  // before the last chunk counts: rows that were read by another definition prove nothing of this one
    const auto still = is_still(shape, nodes);
    if (!still) return tl::unexpected(still.error());
    if (!*still) return Next::Anew;
    table.state = TableState::Compared;
  }
  for (auto& finding : outcome.findings) found(table, std::move(finding));
  table.unsettled += outcome.unsettled;
  table.rows += right.rows;
  ++table.chunks;
  table.done_to = range.up_to;
  around_.observer.chunk_verified(around_.cluster, right.rows);
  return at_end ? Next::NoMore : Next::Chunk;
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
    if (const auto up = bring_up_reference(disputed.node); !up) return tl::unexpected(up.error());
    auto after = read(reference);
    if (!after) return tl::unexpected(after.error());
    const auto ended_at = reference.position();
    if (!ended_at) return tl::unexpected(ended_at.error());
    if (auto& own = own_[disputed.node.node()]; ended_at->intersects(own)) {
      own = subtract(own, *ended_at);  // it has come after all, so that this look may have been too early
      continue;
    }
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

}  // namespace repl::run
