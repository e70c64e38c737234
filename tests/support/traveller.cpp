// Making the changes, letting them fail, and judging them.
#include "tests/support/traveller.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "ctl/sandbox/topology_file.hpp"
#include "tests/support/acked_writer.hpp"
#include "tests/support/fingerprint.hpp"

namespace repl::testing {
namespace {

/// Several tests travel at the same time.
std::string name_of_tour() {
  return fmt::format("tour-{}", ::getpid());
}

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::seconds;
using std::chrono::steady_clock;

/// Each node applies what all of a ring write: on two cores more would only pile up.
constexpr auto kPace = std::chrono::milliseconds{10};
constexpr seconds kEnds{120};

std::string node_name_of(const std::string& node) {
  constexpr std::string_view kName = "name: ";
  return node.substr(kName.size(), node.find(',') - kName.size());
}

/// The topology file of a shape, with the servers and accounts of the sandbox.
std::string write_file(const Rig& rig, const Shape& shape) {
  auto file = (rig.topology_file().parent_path() / "shape.yaml").string();
  std::ofstream out{file};
  out << "apiVersion: replctl/v1\nname: " << rig.cluster() << "\ntopology: " << shape.topology << '\n';
  if (shape.positioning == Positioning::Binlog) out << "positioning: binlog\n";
  if (!shape.sync.empty()) out << "sync: {" << shape.sync << "}\n";
  out << "nodes:\n";
  for (const auto& node : shape.nodes) {
    const auto& servers = rig.sandbox().nodes();
    const auto server =
        std::find_if(servers.begin(), servers.end(), [&](const auto& s) { return s.name == node_name_of(node); });
    if (server == servers.end()) throw std::runtime_error("the sandbox has no " + node_name_of(node));
    out << "  - {" << node << ", host: 127.0.0.1, port: " << server->port << "}\n";
  }
  out << "accounts:\n";
  for (const auto& [role, user, secret] : ctl::sandbox::kSandboxAccounts) {
    if (role == shape.without_account) continue;
    out << fmt::format("  {}: {{user: {}, password: {{file: secrets/{}}}{}}}\n", role, user, secret,
                       role == "application" ? ", schemas: [app]" : "");
  }
  out << shape.extra;
  out.close();
  ::chmod(file.c_str(), 0600);
  return file;
}

/// Every node comes to be as the file says, with nothing to be done about any.
bool becomes_whole(const Rig& rig, const Shape& shape) {
  return rig.wait_for(
      [&](const json& status) {
        return status["operation"].is_null() && status["problemList"].empty() &&
               status["nodes"].size() == shape.nodes.size() &&
               std::all_of(status["nodes"].begin(), status["nodes"].end(),
                           [](const json& node) { return node.value("state", "") == "ok"; });
      },
      seconds{60});
}

/// Of all operations and revisions that repld shows; enough for the longest test.
json history_of(const Rig& rig) {
  return rig.replctl_json({"history", rig.cluster(), "--limit", "1000"});
}

std::set<std::string> operations_in(const json& history) {
  std::set<std::string> out;
  for (const auto& operation : history["operations"]) out.insert(operation.value("id", ""));
  return out;
}

std::string text_from(const fs::path& file, std::uintmax_t offset) {
  std::ifstream in{file, std::ios::binary};
  in.seekg(static_cast<std::streamoff>(offset));
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> with_losses(std::vector<std::string> apply, const std::vector<std::string>& may_lose) {
  for (const auto& node : may_lose) apply.insert(apply.end(), {"--allow-data-loss", node});
  return apply;
}

bool kills_repld(Fault fault) {
  return fault == Fault::Killed || fault == Fault::NotSent;
}

/// A hook that fails as `fault` says; what it has done is the file `mark`.
std::string failing_hook(Fault fault, const fs::path& mark) {
  const auto done = fmt::format("touch {}\n", mark.string());
  const auto once = fmt::format("#!/bin/sh\n[ -e {} ] && exit 0\n", mark.string());
  if (fault == Fault::Lost) return "#!/bin/sh\n" + done + "exit 1\n";
  return once + done + (fault == Fault::Unheard ? "kill -9 $$\n" : "kill -9 $PPID\n");
}

}  // namespace

struct Traveller::Impl {
  Impl(int servers, Positioning positioning)
      : rig_{{.name = name_of_tour(), .nodes = servers, .positioning = positioning}},
        writer_{rig_.writer_nodes(), "app", rig_.application_password(), 1, kPace} {}

  void begin(const Shape& shape) {
    apply(shape, {});
    whole(shape);
    if (const auto made = writer_.create_table(seconds{30}); !made) give_up(made.error().message);
    writer_.start();
    at_ = shape;
    writes_again();
  }

  Change change(const Shape& to, const std::vector<std::string>& may_lose = {}) {
    Change out{.from = at_.name, .to = to.name};
    const auto began = steady_clock::now();
    if (!to.switch_to_first.empty()) must({"switchover", rig_.cluster(), "--to", to.switch_to_first, "--wait"});
    out.steps = apply(to, may_lose);
    const auto ended = steady_clock::now();
    out.took = std::chrono::duration<double>(ended - began).count();
    writes_again();
    out.gap = writer_.longest_gap(began, steady_clock::now()).length.count();
    whole(to);
    out.acknowledged = writer_.count();
    out.lost = lost(to);
    if (const auto left = plan_of(file_); !left.empty()) {
      give_up(fmt::format("{}: is left after the apply:\n{}", to.name, fmt::join(left, "\n")));
    }
    at_ = to;
    return out;
  }

  Failed change_failing(const Shape& to, const Blow& blow) {
    must({"pause", rig_.cluster()});
    const auto before = fingerprints_of(rig_.sandbox());
    const auto plan_before = plan_of(write_file(rig_, at_));
    const auto known = operations_in(history_of(rig_));
    const auto log_before = fs::file_size(rig_.repld().log());

    Failed out;
    start_with(blow);
    file_ = write_file(rig_, to);
    strike(blow, known, out);
    const auto operation = end_of_the_apply(known, out);
    find_struck(operation, text_from(rig_.repld().log(), log_before), out);
    if (out.state == "done") {
      at_ = to;
      comes_true([&] {
        out.differs = fmt::format("{}", fmt::join(plan_of(file_), "\n"));
        return out.differs.empty() || out.only_best_effort;
      });
    } else {
      file_ = write_file(rig_, at_);
      // A server that died came back with what was not taken back there.
      if (blow.fault != Fault::ServerDies) {
        comes_true([&] {
          out.differs = difference(before, fingerprints_of(rig_.sandbox()));
          const auto plan = plan_of(file_);
          if (plan != plan_before) out.differs += fmt::format("what is left to do: {}\n", fmt::join(plan, "; "));
          return out.differs.empty();
        });
      }
    }
    // And it works when nothing fails; while nothing is repaired, so that nothing is in its way.
    if (out.state == "taken-back" && blow.drifted) change(to, blow.may_lose);
    must({"resume", rig_.cluster()});
    whole(at_);
    writes_again();
    out.lost = lost(at_);
    if (out.state == "taken-back" && blow.fault == Fault::ServerDies) change(at_);
    comes_true([&] { return (out.left = plan_of(file_).size()) == 0; });
    return out;
  }

  // ---- letting a change fail ----------------------------------------------------------------------------------------

  fs::path mark() const { return rig_.topology_file().parent_path() / "fired"; }

  void start_with(const Blow& blow) {
    fs::remove(mark());
    rig_.repld().stop();
    if (blow.kind == "run-hook") {
      rig_.repld().add_hook(blow.statement, failing_hook(blow.fault, mark()));
      rig_.repld().start();
    } else {
      std::string servers;
      for (const auto& node : rig_.sandbox().nodes()) {
        servers += fmt::format("{}={};", node.port, node.folder.server_process().string());
      }
      rig_.repld().start({"LD_PRELOAD=" + (own_folder() / "libfault_on_send.so").string(),
                          "REPL_FAULT_STATEMENT=" + blow.statement, fmt::format("REPL_FAULT={}", to_string(blow.fault)),
                          "REPL_FAULT_MARK=" + mark().string(), "REPL_FAULT_SERVERS=" + servers});
    }
    ready();
  }

  /// Applies, and waits until that has come to its end, or repld to its own.
  void strike(const Blow& blow, const std::set<std::string>& known, Failed& out) {
    std::vector<std::string> apply{"apply", file_, "--yes", "--timeout", "3m"};
    if (kills_repld(blow.fault)) apply.emplace_back("--no-wait");
    const auto said = rig_.replctl(with_losses(apply, blow.may_lose));
    out.said = said.output + said.errors;
    if (kills_repld(blow.fault)) {
      comes_true(
          [&] {
            if (rig_.repld().died()) return true;
            const auto status = rig_.status();  // it may be over, the statement never sent
            return status.is_object() && status["operation"].is_null() && operations_in(history_of(rig_)) != known;
          },
          kEnds);
    } else {
      out.exit_code = said.exit_code;
    }
    out.fired = fs::exists(mark());
    for (const auto& node : rig_.sandbox().status()) {
      if (node.state != ctl::sandbox::ServerState::Dead) continue;
      if (const auto started = rig_.sandbox().start(node.name); !started) give_up(started.error().message);
    }
    rig_.repld().stop();
    if (blow.kind == "run-hook") rig_.repld().add_hook(blow.statement, "#!/bin/sh\nexit 0\n");
    rig_.repld().start();
  }

  /// @return `Operation` of docs/api.md
  json end_of_the_apply(const std::set<std::string>& known, Failed& out) {
    const auto idle = [](const json& status) { return status["operation"].is_null() && status["status"] != "UNKNOWN"; };
    if (!rig_.wait_for(idle, kEnds)) give_up("the operation does not end");
    const auto history = history_of(rig_);
    auto ids = operations_in(history);
    for (const auto& id : known) ids.erase(id);
    if (ids.size() != 1) give_up(fmt::format("one operation was expected: {}\n{}", fmt::join(ids, ", "), out.said));
    const auto operation = rig_.replctl_json({"operation", *ids.begin()});
    if (!operation.is_object() || operation["goal"] != "apply") give_up("no apply: " + operation.dump());
    out.state = operation.value("state", "");
    for (const auto& revision : history["revisions"]) {
      if (revision["operation"] == *ids.begin()) out.revision = revision.value("state", "");
    }
    return operation;
  }

  /// A step that fails keeps its error. One whose session broke is repeated by the session's user, which only the log
  /// tells. One that a former repld has begun has a second attempt, or it is undone, with those that were done.
  static void find_struck(const json& operation, const std::string& log, Failed& out) {
    std::size_t failed = 0, best_effort = 0;
    const auto& steps = operation["plan"]["steps"];
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const auto& progress = operation["progress"][i];
      const auto name = steps[i].value("name", "");
      const auto again = fmt::format("{}: {} is tried again", steps[i].value("node", ""), name);
      const bool has_failed = !progress["error"].is_null();
      const bool undone = !out.exit_code && progress["state"] == "undone";
      if (has_failed || undone || progress["attempts"].get<int>() > 1 || log.find(again) != std::string::npos) {
        out.struck.insert(name);
      }
      if (!has_failed) continue;
      ++failed;
      if (steps[i]["bestEffort"].get<bool>()) ++best_effort;
    }
    out.only_best_effort = failed > 0 && failed == best_effort;
  }

  /// A repld that was just started has looked at every node, and every server answers.
  void ready() {
    const auto looked = [](const json& status) {
      return std::none_of(status["nodes"].begin(), status["nodes"].end(),
                          [](const json& node) { return node.value("state", "unknown") == "unknown"; });
    };
    if (!rig_.wait_for(looked, seconds{30})) give_up("repld does not look at the nodes after a start");
    // One that no file names now may still be starting anew after a clone that was cut off.
    for (const auto& node : rig_.sandbox().nodes()) {
      if (!comes_true([&] { return rig_.ask(node.name, "SELECT 1") == "1"; })) give_up(node.name + " does not answer");
    }
  }

  // ---- asking and judging -------------------------------------------------------------------------------------------

  [[noreturn]] void give_up(const std::string& why) const {
    throw std::runtime_error("from '" + at_.name + "': " + why + "\n" + rig_.story());
  }

  void must(const std::vector<std::string>& command) const {
    const auto done = rig_.replctl(command);
    if (done.exit_code != 0) give_up(command.front() + ": " + done.output + done.errors);
  }

  /// What an apply of that file would do, step by step; or why it is refused.
  std::vector<std::string> plan_of(const std::string& file) const {
    const auto said = rig_.replctl({"apply", file, "--dry-run", "-o", "json"});
    const auto answer = json::parse(said.output, nullptr, false);
    if (!answer.is_object() || !answer.contains("clusters")) return {said.output + said.errors};
    std::vector<std::string> out;
    for (const auto& step : answer["clusters"][0]["plan"]["steps"]) out.push_back(step.value("text", ""));
    return out;
  }

  /// @return how many steps it took
  std::size_t apply(const Shape& shape, const std::vector<std::string>& may_lose) {
    file_ = write_file(rig_, shape);
    const auto steps = plan_of(file_).size();
    const auto done = rig_.replctl(with_losses({"apply", file_, "--yes", "--wait"}, may_lose));
    if (done.exit_code != 0) give_up("to '" + shape.name + "': " + done.output + done.errors);
    return steps;
  }

  void writes_again() {
    const auto since = steady_clock::now();
    if (!comes_true([&] { return writer_.first_after(since, "").has_value(); }, seconds{60})) {
      give_up("nobody takes writes");
    }
  }

  void whole(const Shape& shape) const {
    if (!becomes_whole(rig_, shape)) give_up("'" + shape.name + "' does not become whole");
  }

  /// Acknowledged rows that a node of `shape` does not come to have; the most that any lacks.
  std::size_t lost(const Shape& shape) const {
    const auto acks = writer_.acks();
    const auto newest = std::max_element(acks.begin(), acks.end(), [](auto& a, auto& b) { return a.done < b.done; });
    std::size_t most = 0;
    for (const auto& node : shape.nodes) {
      if (node.find("delay") != std::string::npos) continue;
      const auto name = node_name_of(node);
      std::size_t missing = 0;
      comes_true(
          [&] {
            // Rows of `acks` only: the writer goes on.
            const auto gone = writer_.lost_on(name);
            if (!gone) give_up(gone.error().message);
            missing = static_cast<std::size_t>(
                std::count_if(gone->begin(), gone->end(), [&](std::int64_t id) { return id <= newest->id; }));
            return missing == 0;
          },
          seconds{20});
      most = std::max(most, missing);
    }
    return most;
  }

  Rig rig_;
  AckedWriter writer_;
  Shape at_{.name = "empty servers", .topology = {}, .nodes = {}};
  std::string file_;
};

Traveller::Traveller(int servers, Positioning positioning) : impl_{std::make_unique<Impl>(servers, positioning)} {}
Traveller::~Traveller() = default;
Rig& Traveller::rig() {
  return impl_->rig_;
}
void Traveller::begin(const Shape& shape) {
  impl_->begin(shape);
}
Change Traveller::change(const Shape& to) {
  return impl_->change(to);
}
Failed Traveller::change_failing(const Shape& to, const Blow& blow) {
  return impl_->change_failing(to, blow);
}
const Shape& Traveller::at() const {
  return impl_->at_;
}

std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::Lost:
      return "lost";
    case Fault::Unheard:
      return "unheard";
    case Fault::Killed:
      return "killed";
    case Fault::NotSent:
      return "not-sent";
    case Fault::ServerDies:
      return "server-dies";
  }
  return "";
}

double from_empty(const std::string& topology, int nodes) {
  Rig rig{{.name = name_of_tour(), .nodes = nodes}};
  Shape shape{.name = topology, .topology = topology, .nodes = {}};
  for (int i = 1; i <= nodes; ++i) shape.nodes.push_back(fmt::format("name: db{}", i));
  const auto file = write_file(rig, shape);
  const auto began = steady_clock::now();
  const auto applied = rig.replctl({"apply", file, "--yes", "--wait"});
  if (applied.exit_code != 0) throw std::runtime_error(applied.output + applied.errors + rig.story());
  if (!becomes_whole(rig, shape)) throw std::runtime_error("not whole\n" + rig.story());
  return std::chrono::duration<double>(steady_clock::now() - began).count();
}

}  // namespace repl::testing
