// What people read of a verification in events and logs.
#include "run/verification_text.hpp"

#include <algorithm>

namespace repl::run {
namespace {

/// "1 row", "2 rows"
std::string counted(std::uint64_t number, std::string_view word) {
  return fmt::format("{} {}{}", number, word, number == 1 ? "" : "s");
}

}  // namespace

std::string started_text(const verify::Run& run, bool is_new) {
  return fmt::format("{}: asked for by {}{}", run.id, run.asked_by,
                     is_new ? "" : fmt::format(", goes on after {} of {} tables", run.tables_done, run.tables));
}

std::string finished_text(const verify::Run& run, bool clean) {
  std::string nodes = run.reference.name;
  for (const auto& node : run.nodes) nodes += ", " + node.name;
  auto text = fmt::format("{}: {} with {} on {}: ", run.id, counted(run.tables - run.tables_not_compared, "table"),
                          counted(run.rows, "row"), nodes);
  text += clean ? "no difference" : counted(run.differences, "difference") + " in rows and tables";
  if (clean && run.left_something_out()) text += " in what was compared";
  for (const auto& row : run.gtids) {
    if (!row.errant.empty())
      text += fmt::format(", {} on {} only", counted(row.errant.count(), "transaction"), row.node);
  }
  if (run.unsettled > 0)
    text += fmt::format("; {} kept changing and could not be compared", counted(run.unsettled, "row"));
  if (run.tables_not_compared > 0)
    text += fmt::format("; {} could not be compared", counted(run.tables_not_compared, "table"));
  for (const auto& [node, why, declared] : run.left_out) {
    if (!declared) text += fmt::format("; {} was left out: {}", node, why);
  }
  return text;
}

std::optional<std::string> why_hold_back(const ClusterState& state) {
  if (state.memory.operation) return fmt::format("operation {} goes first", state.memory.operation->id);
  return std::nullopt;
}

GtidSet may_still_come(const ClusterState& state, const NodeId& reference, const GtidSet& lacking) {
  const auto& spec = state.memory.spec;
  if (spec && spec->is_ring()) return lacking;
  if (spec && spec->is_group()) {
    auto of_the_group = lacking;
    for (const auto& node : state.view->observations()) {
      if (node.reached) of_the_group.erase_from(node.reached->server_uuid);
    }
    return of_the_group;
  }
  const auto* seen = state.view->reachable(reference);
  if (seen == nullptr) return lacking;  // it cannot be said, and it is asked again
  return seen->semi_sync.wait_sessions > 0 ? lacking.only_of(seen->server_uuid) : GtidSet{};
}

std::string not_there(const verify::Settings& settings, const std::vector<verify::TableId>& tables,
                      const std::map<verify::TableId, std::set<NodeId>>& elsewhere) {
  const auto some = [&](const auto& fits) {
    return std::any_of(tables.begin(), tables.end(), fits) ||
           std::any_of(elsewhere.begin(), elsewhere.end(), [&](const auto& e) { return fits(e.first); });
  };
  std::string out;
  const auto add = [&](const std::string& name) { out += (out.empty() ? "" : ", ") + name; };
  for (const auto& schema : settings.schemas) {
    if (!some([&](const verify::TableId& t) { return t.schema == schema; })) add(schema);
  }
  for (const auto& table : settings.tables) {
    if (!some([&](const verify::TableId& t) { return t == table; })) add(to_string(table));
  }
  return out;
}

}  // namespace repl::run
