// The rows of each table.
#include "ctl/views.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "ctl/plan_layout.hpp"
#include "ctl/words.hpp"

namespace repl::ctl {
namespace {

Cell plain(const Json& object, const char* key) {
  return {text_of(object, key), Colour::None};
}

Cell duration_cell(const Json& object, const char* key) {
  const auto seconds = number_of(object, key);
  return {seconds ? lag_text(*seconds) : "", Colour::None};
}

Cell yes_cell(const Json& object, const char* key) {
  return {is_true(object, key) ? "yes" : "", Colour::None};
}

Cell maintenance_cell(const Json& object) {
  const auto* m = find(object, "maintenance");
  if (m == nullptr) return {};
  return {fmt::format("until {} by {}: {}", short_time(text_of(*m, "until")), text_of(*m, "by"), text_of(*m, "reason")),
          Colour::Cyan};
}

std::string age_since(const Json& object, const char* key, Time now) {
  const auto time = parse_time(text_of(object, key));
  return time ? coarse_duration(std::chrono::duration<double>(now - *time).count()) : std::string{};
}

std::string took_of(const Json& operation) {
  const auto started = parse_time(text_of(operation, "started"));
  const auto finished = parse_time(text_of(operation, "finished"));
  return started && finished ? took_text(std::chrono::duration<double>(*finished - *started).count()) : std::string{};
}

}  // namespace

Table clusters_table(const std::vector<const Json*>& clusters) {
  Table table{.columns = {{"CLUSTER"},
                          {"TOPOLOGY"},
                          {"SYNC"},
                          {"STATUS"},
                          {"PRIMARY"},
                          {"NODES", Align::Right},
                          {"PROBLEMS", Align::Right},
                          {"TERM", Align::Right},
                          {"REVISION", Align::Right},
                          {"PAUSED"},
                          {"STATUS TEXT", Align::Left, Shown::Wide}},
              .rows = {}};
  for (const auto* c : clusters) {
    const auto problems = integer_of(*c, "problems");
    table.rows.push_back({plain(*c, "cluster"),
                          plain(*c, "topology"),
                          plain(*c, "sync"),
                          {text_of(*c, "status"), status_colour(text_of(*c, "status"))},
                          plain(*c, "primary"),
                          {fmt::format("{}/{}", integer_of(*c, "nodesOk"), integer_of(*c, "nodes")), Colour::None},
                          {std::to_string(problems), problems > 0 ? Colour::Yellow : Colour::None},
                          plain(*c, "term"),
                          plain(*c, "revision"),
                          yes_cell(*c, "paused"),
                          plain(*c, "statusText")});
  }
  return table;
}

Table nodes_table(const std::vector<const Json*>& nodes) {
  constexpr auto kWide = Shown::Wide;
  Table table{.columns = {{"CLUSTER"},
                          {"NODE"},
                          {"ADDRESS"},
                          {"ROLE"},
                          {"STATE"},
                          {"MODE"},
                          {"LAG", Align::Right},
                          {"SOURCE"},
                          {"VERSION"},
                          {"MAINTENANCE"},
                          {"REGION", Align::Left, kWide},
                          {"REACH", Align::Left, kWide},
                          {"RECEIVER", Align::Left, kWide},
                          {"APPLIER", Align::Left, kWide},
                          {"ACKER", Align::Left, kWide},
                          {"PROMOTION", Align::Left, kWide},
                          {"MISSING", Align::Right, kWide},
                          {"ERRANT", Align::Left, kWide},
                          {"SEEN", Align::Right, kWide},
                          {"UP", Align::Right, kWide},
                          {"EXECUTED", Align::Left, kWide},
                          {"MESSAGE", Align::Left, kWide}},
              .rows = {}};
  for (const auto* n : nodes) {
    const auto up = number_of(*n, "uptimeSeconds");
    table.rows.push_back({plain(*n, "cluster"),
                          plain(*n, "name"),
                          plain(*n, "address"),
                          plain(*n, "role"),
                          {text_of(*n, "state"), node_state_colour(text_of(*n, "state"))},
                          {mode_word(text_of(*n, "readOnly")), Colour::None},
                          duration_cell(*n, "lagSeconds"),
                          plain(*n, "source"),
                          plain(*n, "version"),
                          maintenance_cell(*n),
                          plain(*n, "region"),
                          plain(*n, "reach"),
                          plain(*n, "receiver"),
                          plain(*n, "applier"),
                          yes_cell(*n, "acker"),
                          plain(*n, "promotion"),
                          plain(*n, "missing"),
                          {text_of(*n, "errant"), Colour::Red},
                          duration_cell(*n, "probeAgeSeconds"),
                          {up ? coarse_duration(*up) : "", Colour::None},
                          plain(*n, "executed"),
                          plain(*n, "message")});
  }
  return table;
}

Table problems_table(const std::vector<const Json*>& problems, Time now) {
  Table table{.columns = {{"CLUSTER"},
                          {"SEVERITY"},
                          {"PROBLEM"},
                          {"NODE"},
                          {"FOR", Align::Right},
                          {"EVIDENCE"},
                          {"REPLD DOES", Align::Left, Shown::Wide},
                          {"BLOCKED", Align::Left, Shown::Wide},
                          {"ADVICE", Align::Left, Shown::Wide}},
              .rows = {}};
  for (const auto* p : problems) {
    table.rows.push_back({plain(*p, "cluster"),
                          is_true(*p, "inMaintenance")
                              ? Cell{"maintenance", Colour::Cyan}
                              : Cell{text_of(*p, "severity"), severity_colour(text_of(*p, "severity"))},
                          plain(*p, "name"),
                          plain(*p, "node"),
                          {age_since(*p, "since", now), Colour::None},
                          plain(*p, "evidence"),
                          plain(*p, "goal"),
                          plain(*p, "blocked"),
                          plain(*p, "advice")});
  }
  return table;
}

Table rules_table(const std::vector<const Json*>& rules) {
  Table table{.columns = {{"PROBLEM"},
                          {"OF", Align::Left, Shown::Wide},
                          {"SEVERITY"},
                          {"REPLD DOES"},
                          {"MEANS"},
                          {"ADVICE", Align::Left, Shown::Wide}},
              .rows = {}};
  for (const auto* r : rules) {
    table.rows.push_back({plain(*r, "name"),
                          plain(*r, "about"),
                          {text_of(*r, "severity"), severity_colour(text_of(*r, "severity"))},
                          plain(*r, "goal"),
                          plain(*r, "summary"),
                          plain(*r, "advice")});
  }
  return table;
}

Table history_table(const Json& history) {
  Table table{
      .columns =
          {{"AT"}, {"ID"}, {"WHAT"}, {"STATE"}, {"STEPS", Align::Right}, {"TOOK", Align::Right}, {"BY"}, {"NOTE"}},
      .rows = {}};
  struct Entry {
    std::string at;
    std::vector<Cell> cells;
  };
  std::vector<Entry> entries;
  for (const auto* o : items_of(history, "operations")) {
    const auto at = text_of(*o, "started");
    const auto state = text_of(*o, "state");
    entries.push_back({at,
                       {{short_time(at), Colour::None},
                        plain(*o, "id"),
                        plain(*o, "goal"),
                        {state, state_colour(state)},
                        {fmt::format("{}/{}", integer_of(*o, "stepsDone"), integer_of(*o, "steps")), Colour::None},
                        {took_of(*o), Colour::None},
                        plain(*o, "askedBy"),
                        plain(*o, "cause")}});
  }
  for (const auto* r : items_of(history, "revisions")) {
    const auto at = text_of(*r, "at");
    const auto back_to = integer_of(*r, "backTo");
    const auto state = text_of(*r, "state");
    entries.push_back({at,
                       {{short_time(at), Colour::None},
                        plain(*r, "revision"),
                        {back_to > 0 ? fmt::format("rollback to {}", back_to) : "revision", Colour::None},
                        {state, revision_colour(state)},
                        {},
                        {},
                        plain(*r, "author"),
                        plain(*r, "note")}});
  }
  // RFC 3339 in UTC sorts as text.
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.at > b.at; });
  for (auto& e : entries) table.rows.push_back(std::move(e.cells));
  return table;
}

Table prior_state_table(const Json& revision) {
  constexpr auto kWide = Shown::Wide;
  Table table{.columns = {{"NODE"},
                          {"ADDRESS"},
                          {"VERSION"},
                          {"MODE"},
                          {"PERSISTED"},
                          {"SOURCE"},
                          {"SEMI-SYNC"},
                          {"VARIABLES"},
                          {"SERVER UUID", Align::Left, kWide},
                          {"EXECUTED", Align::Left, kWide}},
              .rows = {}};
  for (const auto* s : items_of(revision, "before")) {
    const bool reached = is_true(*s, "reached");
    std::string variables;
    for (const auto* v : items_of(*s, "variables")) {
      const auto* persisted = find(*v, "persisted");
      variables += fmt::format("{}{}={}{}", variables.empty() ? "" : " ", text_of(*v, "name"), text_of(*v, "value"),
                               persisted == nullptr ? ""
                               : text_of(*v, "persisted") == text_of(*v, "value")
                                   ? " (persisted)"
                                   : fmt::format(" (persisted: {})", text_of(*v, "persisted")));
    }
    std::string semi_sync = is_true(*s, "semiSyncSource")
                                ? fmt::format("source, {}", counted(integer_of(*s, "acks"), "ack"))
                            : is_true(*s, "semiSyncReplica") ? "replica"
                                                             : "";
    table.rows.push_back({plain(*s, "node"),
                          plain(*s, "address"),
                          reached ? plain(*s, "version") : Cell{"did not answer", Colour::Yellow},
                          {mode_word(text_of(*s, "readOnly")), Colour::None},
                          {!reached                           ? ""
                           : is_true(*s, "readOnlyPersisted") ? "ro"
                                                              : "rw",
                           Colour::None},
                          plain(*s, "source"),
                          {semi_sync, Colour::None},
                          {variables, Colour::None},
                          plain(*s, "serverUuid"),
                          plain(*s, "executed")});
  }
  return table;
}

std::string render_revision(const Json& revision, bool with_state, const Style& style) {
  const auto state = text_of(revision, "state");
  const auto note = text_of(revision, "note");
  const auto operation = text_of(revision, "operation");
  const auto back_to = integer_of(revision, "backTo");
  std::string out = fmt::format("# {}, revision {}: {}\n", text_of(revision, "cluster"), text_of(revision, "revision"),
                                style.paint(revision_colour(state), state));
  out += fmt::format("# {} at {} by {}", back_to > 0 ? fmt::format("rollback to revision {}", back_to) : "applied",
                     short_time(text_of(revision, "at")), text_of(revision, "author"));
  out += (operation.empty() ? ", no server had to be changed" : ", operation " + operation) + '\n';
  for (const auto line : lines_of(note)) out += fmt::format("# note: {}\n", line);
  if (with_state) {
    out += "#\n# before it was applied:\n";
    const auto table = render_table(prior_state_table(revision), Shown::Always, style);
    for (const auto line : lines_of(table)) out += fmt::format("# {}\n", line);
    out += "#\n";
  }
  out += text_of(revision, "document");
  if (!out.ends_with('\n')) out += '\n';
  return out;
}

Table maintenance_table(const std::vector<const Json*>& entries) {
  Table table{.columns = {{"CLUSTER"}, {"NODE"}, {"SINCE"}, {"UNTIL"}, {"BY"}, {"REASON"}}, .rows = {}};
  for (const auto* m : entries) {
    const auto node = text_of(*m, "node");
    table.rows.push_back({plain(*m, "cluster"),
                          {node.empty() ? "(all)" : node, Colour::None},
                          {short_time(text_of(*m, "since")), Colour::None},
                          {short_time(text_of(*m, "until")), Colour::None},
                          plain(*m, "by"),
                          plain(*m, "reason")});
  }
  return table;
}

Table steps_table(const Json& operation) {
  Table table{
      .columns = {{"STEP", Align::Right}, {"STATE"}, {"NODE"}, {"NAME"}, {"TEXT"}, {"TOOK", Align::Right}, {"ERROR"}},
      .rows = {}};
  const auto* plan = find(operation, "plan");
  if (plan == nullptr) return table;
  const auto steps = items_of(*plan, "steps");
  const auto progress = items_of(operation, "progress");
  for (std::size_t i = 0; i < std::min(steps.size(), progress.size()); ++i) {
    const auto state = text_of(*progress[i], "state");
    const auto took = number_of(*progress[i], "tookSeconds");
    const auto* error = find(*progress[i], "error");
    table.rows.push_back({{std::to_string(i + 1), Colour::None},
                          {state, state_colour(state)},
                          plain(*steps[i], "node"),
                          plain(*steps[i], "name"),
                          {words_of_step(*steps[i]).action, Colour::None},
                          {took ? took_text(*took) : "", Colour::None},
                          {error == nullptr ? "" : text_of(*error, "message"), Colour::None}});
  }
  return table;
}

Table events_table(const std::vector<const Json*>& events) {
  Table table{
      .columns = {{"ID", Align::Right}, {"AT"}, {"SEVERITY"}, {"CLUSTER"}, {"NODE"}, {"KIND"}, {"OPERATION"}, {"TEXT"}},
      .rows = {}};
  for (const auto* e : events) {
    table.rows.push_back({plain(*e, "id"),
                          {short_time(text_of(*e, "at")), Colour::None},
                          {text_of(*e, "severity"), severity_colour(text_of(*e, "severity"))},
                          plain(*e, "cluster"),
                          plain(*e, "node"),
                          plain(*e, "kind"),
                          plain(*e, "operation"),
                          plain(*e, "text")});
  }
  return table;
}

std::string event_line(const Json& event, const Style& style) {
  const auto severity = text_of(event, "severity");
  const auto node = text_of(event, "node");
  const auto operation = text_of(event, "operation");
  const auto where = text_of(event, "cluster") + (node.empty() ? "" : "/" + node);
  return fmt::format("{}  {}  {}  {}  {}{}\n", short_time(text_of(event, "at")),
                     style.paint(severity_colour(severity), pad_right(severity, 8)), pad_right(where, 12),
                     pad_right(text_of(event, "kind"), 20), text_of(event, "text"),
                     operation.empty() ? "" : style.paint(Colour::Dim, " (" + operation + ")"));
}

}  // namespace repl::ctl
