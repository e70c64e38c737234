// Rows and sentences of verifications.
#include "ctl/verify_views.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace repl::ctl {
namespace {

Cell plain(std::string text) {
  return {std::move(text), Colour::None};
}

std::string what_of(const Json& difference) {
  const auto kind = text_of(difference, "kind");
  if (kind != "rows") return kind;
  std::string out;
  for (const auto* name : {"missing", "extra", "changed"}) {
    if (const auto count = integer_of(difference, name); count > 0) {
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", grouped(count), name);
    }
  }
  return out;
}

std::string joined(const Json& object, const char* key) {
  std::string out;
  for (const auto* item : items_of(object, key)) {
    out += (out.empty() ? "" : ", ") + (item->is_string() ? item->get<std::string>() : item->dump());
  }
  return out;
}

std::string count_or_blank(const Json& object, const char* key) {
  const auto count = integer_of(object, key);
  return count == 0 ? "" : grouped(count);
}

/// What keeps the answer from being the whole truth.
std::string reservations(const Json& run) {
  std::string out;
  for (const auto* node : items_of(run, "leftOut")) {
    out += fmt::format("{} was left out: {}\n", text_of(*node, "node"), text_of(*node, "why"));
  }
  if (const auto rows = integer_of(run, "unsettled"); rows > 0) {
    out += fmt::format("{} kept changing and could not be compared\n", counted(rows, "row"));
  }
  if (const auto tables = integer_of(run, "tablesNotCompared"); tables > 0) {
    out += fmt::format("{} could not be compared\n", counted(tables, "table"));
  }
  return out;
}

/// "all", "shop, crm.leads", "transactions"
std::string what_was_asked(const Json& run) {
  if (is_true(run, "gtidOnly")) return "transactions";
  if (is_true(run, "full")) return "all";
  const auto schemas = joined(run, "schemas"), tables = joined(run, "tablesAsked");
  return schemas + (schemas.empty() || tables.empty() ? "" : ", ") + tables;
}

std::string what_was_compared(const Json& run) {
  const auto nodes = fmt::format("{}, {}", text_of(run, "reference"), joined(run, "nodes"));
  if (is_true(run, "gtidOnly")) return fmt::format("executed transactions of {}", nodes);
  return fmt::format(
      "{}, {} on {} in {}", counted(integer_of(run, "tables") - integer_of(run, "tablesNotCompared"), "table"),
      grouped(integer_of(run, "rows")) + " rows", nodes, took_text(number_of(run, "workedSeconds").value_or(0)));
}

std::string differences_text(const Json& run) {
  std::string out;
  if (const auto count = integer_of(run, "differences"); count > 0) {
    out = counted(count, "difference");
  }
  for (const auto* row : items_of(run, "gtids")) {
    if (const auto errant = integer_of(*row, "errantCount"); errant > 0) {
      out += fmt::format("{}{} on {} only", out.empty() ? "" : ", ", counted(errant, "transaction"),
                         text_of(*row, "node"));
    }
  }
  return out;
}

}  // namespace

std::string grouped(long long number) {
  auto text = std::to_string(number);
  const std::size_t sign = number < 0 ? 1 : 0;
  for (auto at = text.size(); at > sign + 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

Table gtids_table(const Json& run) {
  Table table{.columns = {{"NODE"},
                          {"ROLE"},
                          {"TRANSACTIONS", Align::Right},
                          {"ERRANT", Align::Right},
                          {"MISSING", Align::Right},
                          {"ERRANT SET", Align::Left, Shown::Wide},
                          {"MISSING SET", Align::Left, Shown::Wide}},
              .rows = {}};
  const auto reference = text_of(run, "reference");
  for (const auto* row : items_of(run, "gtids")) {
    const bool bad = integer_of(*row, "errantCount") > 0;
    table.rows.push_back({plain(text_of(*row, "node")),
                          plain(text_of(*row, "node") == reference ? "reference" : ""),
                          plain(grouped(integer_of(*row, "executedCount"))),
                          {count_or_blank(*row, "errantCount"), bad ? Colour::Red : Colour::None},
                          plain(count_or_blank(*row, "missingCount")),
                          plain(text_of(*row, "errant")),
                          plain(text_of(*row, "missing"))});
  }
  return table;
}

Table differences_table(const std::vector<const Json*>& differences) {
  Table table{.columns = {{"TABLE"},
                          {"NODE"},
                          {"WHAT"},
                          {"KEY"},
                          {"FROM"},
                          {"TO"},
                          {"EXAMPLES", Align::Left, Shown::Wide},
                          {"TEXT", Align::Left, Shown::Wide}},
              .rows = {}};
  for (const auto* d : differences) {
    table.rows.push_back({plain(text_of(*d, "table")),
                          plain(text_of(*d, "node")),
                          {what_of(*d), Colour::Red},
                          plain(text_of(*d, "key")),
                          plain(text_of(*d, "first")),
                          plain(text_of(*d, "last")),
                          plain(joined(*d, "examples")),
                          plain(text_of(*d, "text"))});
  }
  return table;
}

Table not_compared_table(const std::vector<const Json*>& tables) {
  Table table{.columns = {{"NOT COMPARED"}, {"WHY"}}, .rows = {}};
  for (const auto* t : tables) {
    if (text_of(*t, "state") == "not-compared") {
      table.rows.push_back({{text_of(*t, "table"), Colour::Yellow}, plain(text_of(*t, "why"))});
    }
  }
  return table;
}

std::string verify_progress_line(const Json& run) {
  if (const auto waiting = text_of(run, "waiting"); !waiting.empty()) return "waiting: " + waiting;
  const auto table = text_of(run, "table");
  if (table.empty()) return "looking at the nodes";
  const auto rows = integer_of(run, "rows"), expected = std::max(integer_of(run, "rowsExpected"), rows);
  auto out = fmt::format("{}: {} of {} tables, {} of about {} rows", table, integer_of(run, "tablesDone"),
                         integer_of(run, "tables"), grouped(rows), grouped(expected));
  const auto worked = number_of(run, "workedSeconds").value_or(0);
  if (rows > 0 && worked > 1) {
    const auto rate = static_cast<double>(rows) / worked;
    out += fmt::format(", {} rows/s, about {} left", grouped(static_cast<long long>(rate)),
                       coarse_duration(static_cast<double>(expected - rows) / rate));
  }
  if (const auto differences = differences_text(run); !differences.empty()) out += ", " + differences;
  return out;
}

Table runs_table(const std::vector<const Json*>& runs) {
  Table table{.columns = {{"RUN"},
                          {"STARTED"},
                          {"STATE"},
                          {"WHAT"},
                          {"TABLES", Align::Right},
                          {"ROWS", Align::Right},
                          {"RESULT"},
                          {"ASKED BY", Align::Left, Shown::Wide}},
              .rows = {}};
  for (const auto* run : runs) {
    const auto differences = differences_text(*run);
    const bool complete = is_true(*run, "complete");
    const auto result = is_true(*run, "clean") ? Cell{complete ? "no difference" : "no difference, not complete",
                                                      complete ? Colour::Green : Colour::Yellow}
                                               : Cell{differences, Colour::Red};
    table.rows.push_back({plain(text_of(*run, "id")), plain(short_time(text_of(*run, "started"))),
                          plain(text_of(*run, "state")), plain(what_was_asked(*run)),
                          plain(count_or_blank(*run, "tables")), plain(count_or_blank(*run, "rows")), result,
                          plain(text_of(*run, "askedBy"))});
  }
  return table;
}

VerifyOutcome verify_outcome(const Json& run, const std::string& cluster) {
  const auto state = text_of(run, "state");
  const auto differences = differences_text(run);
  const auto id = text_of(run, "id");
  if (state == "running") {
    return {Exit::TimedOut, Colour::Yellow,
            fmt::format("{}: {} goes on; `replctl verify {} --show` tells how far it is\n", cluster, id, cluster)};
  }
  VerifyOutcome out;
  if (state == "done") {
    // What was not compared may differ: whoever looks at the exit code alone must not take it for equal.
    const bool complete = is_true(run, "complete");
    out.code = complete ? Exit::Done : Exit::TakenBack;
    out.colour = complete ? Colour::Green : Colour::Yellow;
    out.sentence = fmt::format("{}: {}: {}\n", cluster, what_was_compared(run),
                               !differences.empty() ? differences
                               : complete           ? "no difference"
                                          : "no difference in what was compared, but not all of it was compared");
  } else {
    const auto* error = find(run, "error");
    out.code = Exit::TakenBack;
    out.sentence = fmt::format("{}: {} was {}{}; `replctl verify {} --resume` goes on where it was{}\n", cluster, id,
                               state, error == nullptr ? "" : " (" + text_of(*error, "message") + ")", cluster,
                               differences.empty() ? "" : ". So far: " + differences);
  }
  if (!is_true(run, "clean")) {
    out.code = Exit::Differs;
    out.colour = Colour::Red;
  }
  out.sentence += reservations(run);
  return out;
}

}  // namespace repl::ctl
