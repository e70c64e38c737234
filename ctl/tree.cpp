// The status of a cluster as text.
#include "ctl/tree.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "ctl/words.hpp"
#include "model/gtid_set.hpp"

namespace repl::ctl {
namespace {

bool answered(const Json& node) {
  const auto state = text_of(node, "state");
  return state != "down" && state != "unknown";
}

bool is_primary(const Json& node) {
  return text_of(node, "role") == "primary";
}

/// The threads of a replica that do not run, MySQL's habit of calling them io and sql kept.
std::string stopped_threads(const Json& node) {
  const auto receiver = text_of(node, "receiver");
  const auto applier = text_of(node, "applier");
  const bool io = !receiver.empty() && receiver != "running";
  const bool sql = !applier.empty() && applier != "running";
  if (receiver == "connecting" && !sql) return "CONNECTING";
  if (!io && !sql) return {};
  return fmt::format("STOPPED {}", io && sql ? "io+sql" : io ? "io" : "sql");
}

Cell state_fact(const Json& node) {
  const auto state = text_of(node, "state");
  if (state == "ok") return {"ok", Colour::Green};
  if (state == "down") return {fmt::format("DOWN {}", text_of(node, "reach")), Colour::Red};
  if (state == "unknown") return {"not looked at yet", Colour::Yellow};
  if (state == "quarantined") return {"QUARANTINED", Colour::Red};
  const auto stopped = is_primary(node) ? std::string{} : stopped_threads(node);
  return {stopped.empty() ? upper(state) : stopped, Colour::Red};
}

/// "rw" is alarming on a replica, "ro" on a primary.
Cell mode_fact(const Json& node) {
  const auto mode = text_of(node, "readOnly");
  const bool alarming = is_primary(node) != (mode == "off");
  return {mode_word(mode), alarming ? Colour::Red : Colour::None};
}

std::string errant_fact(const Json& node) {
  const auto errant = text_of(node, "errant");
  if (errant.empty()) return {};
  const auto set = GtidSet::parse(errant);
  return set ? fmt::format("errant {}", set->count()) : "errant";
}

bool has_node(const Json& cluster, std::string_view name) {
  const auto nodes = items_of(cluster, "nodes");
  return std::any_of(nodes.begin(), nodes.end(), [&](const Json* n) { return text_of(*n, "name") == name; });
}

std::vector<Cell> facts_of(const Json& node, const Json& cluster, Shown shown) {
  std::vector<Cell> facts;
  const auto add = [&](std::string text, Colour colour = Colour::None) {
    if (!text.empty()) facts.push_back({std::move(text), colour});
  };
  const bool primary = is_primary(node);
  add(text_of(node, "role"), primary ? Colour::Bold : Colour::None);
  facts.push_back(state_fact(node));
  if (answered(node)) {
    if (const auto lag = number_of(node, "lagSeconds"); lag && !primary) add(lag_text(*lag));
    add(text_of(node, "version"));
    if (!text_of(node, "readOnly").empty()) facts.push_back(mode_fact(node));
    if (is_true(node, "offlineMode")) add("offline", Colour::Red);
    const auto acks = integer_of(cluster, "acks");
    if (primary && is_true(node, "semiSyncSource")) {
      const auto clients = integer_of(node, "semiSyncClients");
      add(fmt::format("semi:{}/{}", clients, acks), clients < acks ? Colour::Red : Colour::None);
    } else if (primary && acks > 0) {
      add("semi:off", Colour::Red);
    }
    if (is_true(node, "acker") && !primary) add("acker");
    if (const auto waiting = integer_of(node, "waitingCommits"); waiting > 0) {
      add(fmt::format("{} waiting", counted(waiting, "commit")), Colour::Yellow);
    }
  }
  if (const auto member = text_of(node, "memberState"); !member.empty() && member != "online") {
    add(upper(member), Colour::Red);
  }
  if (const auto source = text_of(node, "source"); !source.empty()) {
    if (!has_node(cluster, source)) {
      add("follows " + source, Colour::Red);
    } else if (primary) {
      add("follows " + source);  // a ring has no top
    }
  }
  if (const auto delay = number_of(node, "delaySeconds").value_or(0); delay > 0)
    add("delayed " + coarse_duration(delay));
  if (const auto* m = find(node, "maintenance")) {
    add(fmt::format("maintenance until {} {}", short_time(text_of(*m, "until")), text_of(*m, "by")), Colour::Cyan);
  }
  add(errant_fact(node), Colour::Red);
  if (const auto age = number_of(node, "probeAgeSeconds").value_or(0); age >= 5) {
    add(fmt::format("seen {} ago", coarse_duration(age)), Colour::Yellow);
  }
  if (shown == Shown::Wide) {
    add(text_of(node, "region"));
    if (const auto p = text_of(node, "promotion"); p != "neutral" && !p.empty()) add("promotion " + p);
    if (const auto missing = integer_of(node, "missing"); missing > 0) {
      const bool bytes = text_of(cluster, "positioning") == "binlog";
      add(fmt::format("{}{} behind", missing, bytes ? " bytes" : ""));
    }
    if (const auto at = text_of(node, primary ? "logPosition" : "appliedPosition"); !at.empty()) add("at " + at);
    if (const auto up = number_of(node, "uptimeSeconds"); up && answered(node)) add("up " + coarse_duration(*up));
    for (const auto* key : {"receiverError", "applierError"}) add(text_of(node, key), Colour::Red);
  }
  return facts;
}

struct Line {
  std::string label;  ///< Indentation, sign and name.
  const Json* node = nullptr;
};

/// Depth first, in the order in which repld lists the nodes.
class Walk {
 public:
  explicit Walk(const Json& cluster) : nodes_(items_of(cluster, "nodes")) {}

  std::vector<Line> lines() {
    for (const auto* node : nodes_) {
      if (is_primary(*node)) visit(*node, 0);
    }
    for (const auto* node : nodes_) {
      if (!has_parent(*node)) visit(*node, 0);
    }
    for (const auto* node : nodes_) visit(*node, 0);  // what is left replicates in a loop
    return std::move(lines_);
  }

 private:
  bool has_parent(const Json& node) const {
    const auto source = text_of(node, "source");
    return std::any_of(nodes_.begin(), nodes_.end(), [&](const Json* n) { return text_of(*n, "name") == source; });
  }

  void visit(const Json& node, std::size_t depth) {
    const auto name = text_of(node, "name");
    if (!visited_.insert(name).second) return;
    const bool well = text_of(node, "state") == "ok";
    const std::string margin(depth == 0 ? 0 : 2 * (depth - 1), ' ');
    const auto* sign = depth > 0 ? (well ? "+ " : "- ") : is_primary(node) ? "" : (well ? "" : "- ");
    lines_.push_back({margin + sign + name, &node});
    for (const auto* child : nodes_) {
      if (text_of(*child, "source") == name) visit(*child, depth + 1);
    }
  }

  std::vector<const Json*> nodes_;
  std::set<std::string> visited_;
  std::vector<Line> lines_;
};

std::string joined_facts(const std::vector<Cell>& facts, const Style& style) {
  std::string out;
  for (const auto& fact : facts) out += (out.empty() ? "" : ", ") + style.paint(fact.colour, fact.text);
  return out;
}

}  // namespace

std::string render_tree(const Json& cluster, Shown shown, const Style& style) {
  const auto lines = Walk(cluster).lines();
  int label_width = 0, address_width = 0;
  for (const auto& line : lines) {
    label_width = std::max(label_width, display_width(line.label));
    address_width = std::max(address_width, display_width(text_of(*line.node, "address")));
  }
  std::string out;
  for (const auto& line : lines) {
    out += pad_right(line.label, label_width) + "  " + pad_right(text_of(*line.node, "address"), address_width) +
           "  [" + joined_facts(facts_of(*line.node, cluster, shown), style) + "]\n";
  }
  return out;
}

std::string render_problems(const std::vector<const Json*>& problems, Time now, const Style& style) {
  std::string out;
  for (const auto* p : problems) {
    const auto node = text_of(*p, "node");
    const auto severity = text_of(*p, "severity");
    const bool in_maintenance = is_true(*p, "inMaintenance");
    out += style.paint(in_maintenance ? Colour::Cyan : severity_colour(severity), "problem: " + text_of(*p, "name"));
    if (!node.empty()) out += ' ' + node;
    out += " (" + (in_maintenance ? "in maintenance" : severity);
    if (const auto since = parse_time(text_of(*p, "since"))) {
      out += ", for " + coarse_duration(std::chrono::duration<double>(now - *since).count());
    }
    out += ")\n";
    const auto add = [&](std::string_view title, const std::string& text) {
      if (!text.empty()) out += fmt::format("  {}{}\n", title, text);
    };
    add("", text_of(*p, "evidence"));
    const auto goal = text_of(*p, "goal");
    const auto blocked = text_of(*p, "blocked");
    if (!blocked.empty()) {
      add("repld does not act: ", blocked);
    } else if (!goal.empty() && goal != "none") {
      add("repld: ", is_true(*p, "established") ? goal : goal + ", once it has lasted long enough");
    }
    add("do: ", text_of(*p, "advice"));
  }
  return out;
}

std::string render_status(const Json& cluster, Time now, Shown shown, const Style& style) {
  const auto status = text_of(cluster, "status");
  const auto primary = text_of(cluster, "primary");
  std::string out = style.paint(Colour::Bold, text_of(cluster, "cluster")) + "  " +
                    style.paint(status_colour(status), status) + "  " + text_of(cluster, "topology") + ", " +
                    (text_of(cluster, "positioning") == "binlog" ? "File and Position, " : "") +
                    text_of(cluster, "sync") + ", " + (primary.empty() ? "no primary" : "primary " + primary) +
                    ", term " + text_of(cluster, "term") + ", revision " + text_of(cluster, "revision") + '\n';
  if (const auto sentence = text_of(cluster, "statusText"); !sentence.empty()) out += sentence + '\n';
  if (is_true(cluster, "paused")) {
    out += style.paint(Colour::Yellow, "paused: repld changes nothing by itself; `replctl resume " +
                                           text_of(cluster, "cluster") + "` ends that") +
           '\n';
  }
  if (const auto restored = text_of(cluster, "restored"); !restored.empty()) {
    out += style.paint(
               Colour::Yellow,
               fmt::format("restored from the backup of {}: repld changes nothing before it finds the servers as that "
                           "says; `replctl resume {}` ends that",
                           short_time(restored), text_of(cluster, "cluster"))) +
           '\n';
  }
  if (const auto* m = find(cluster, "maintenance")) {
    out += style.paint(Colour::Cyan, maintenance_sentence(*m) +
                                         ": repld changes nothing by itself; `replctl maintenance " +
                                         text_of(cluster, "cluster") + " --end` ends that") +
           '\n';
  }
  if (const auto* operation = find(cluster, "operation"); operation != nullptr) {
    out += fmt::format("operation {}: {} {}, {} of {} steps done\n", text_of(*operation, "id"),
                       text_of(*operation, "goal"), text_of(*operation, "state"), integer_of(*operation, "stepsDone"),
                       integer_of(*operation, "steps"));
  }
  out += '\n' + render_tree(cluster, shown, style);
  if (const auto problems = items_of(cluster, "problemList"); !problems.empty()) {
    out += '\n' + render_problems(problems, now, style);
  }
  return out;
}

}  // namespace repl::ctl
