// Making the changes, and judging them.
#include "tests/support/tour.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "ctl/sandbox/topology_file.hpp"
#include "tests/support/acked_writer.hpp"

namespace repl::testing {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

/// Each node applies what all of a ring write: on two cores more would only pile up.
constexpr auto kPace = std::chrono::milliseconds{10};

std::vector<std::string> tree(int count, const std::vector<std::string>& extra = {}) {
  std::vector<std::string> out{"name: db1, type: source"};
  for (int i = 2; i <= count; ++i) out.push_back(fmt::format("name: db{}, type: replica", i));
  for (std::size_t i = 0; i < extra.size() && i < out.size(); ++i) {
    if (!extra[i].empty()) out[i] += ", " + extra[i];
  }
  return out;
}

/// Without a type: all nodes are alike.
std::vector<std::string> alike(const std::vector<int>& numbers) {
  std::vector<std::string> out;
  for (const int n : numbers) out.push_back(fmt::format("name: db{}", n));
  return out;
}

constexpr const char* kTree = "source-replica";
constexpr const char* kRing = "circular";
constexpr const char* kPair = "source-source";
constexpr const char* kGroup = "group-single-primary";
constexpr const char* kMulti = "group-multi-primary";
constexpr const char* kAsync = "mode: async";
constexpr const char* kSemi = "mode: semi-sync, acks: 1";
constexpr const char* kSync = "mode: sync";

std::string name_of_node(const std::string& node) {
  constexpr std::string_view kName = "name: ";
  return node.substr(kName.size(), node.find(',') - kName.size());
}

/// The topology file of a shape, with the servers and accounts of the sandbox.
std::string write_file(const Rig& rig, const Shape& shape) {
  auto file = (rig.topology_file().parent_path() / "shape.yaml").string();
  std::ofstream out{file};
  out << "apiVersion: replctl/v1\nname: " << rig.cluster() << "\ntopology: " << shape.topology << '\n';
  if (!shape.sync.empty()) out << "sync: {" << shape.sync << "}\n";
  out << "nodes:\n";
  for (const auto& node : shape.nodes) {
    const auto& servers = rig.sandbox().nodes();
    const auto server =
        std::find_if(servers.begin(), servers.end(), [&](const auto& s) { return s.name == name_of_node(node); });
    if (server == servers.end()) throw std::runtime_error("the sandbox has no " + name_of_node(node));
    out << "  - {" << node << ", host: 127.0.0.1, port: " << server->port << "}\n";
  }
  out << "accounts:\n";
  for (const auto& [role, user, secret] : ctl::sandbox::kSandboxAccounts) {
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
      [&](const nlohmann::json& status) {
        return status["operation"].is_null() && status["problemList"].empty() &&
               status["nodes"].size() == shape.nodes.size() &&
               std::all_of(status["nodes"].begin(), status["nodes"].end(),
                           [](const nlohmann::json& node) { return node.value("state", "") == "ok"; });
      },
      seconds{60});
}

}  // namespace

struct Traveller::Impl {
  explicit Impl(int servers)
      : rig_{{.name = "tour", .nodes = servers}},
        writer_{rig_.writer_nodes(), "app", rig_.application_password(), 1, kPace} {}

  void begin(const Shape& shape) {
    apply(shape);
    whole(shape);
    if (const auto made = writer_.create_table(seconds{30}); !made) give_up(made.error().message);
    writer_.start();
    writing_ = true;
    writes_again();
    at_ = shape;
  }

  Change change(const Shape& to) {
    Change out{.from = at_.name, .to = to.name};
    const auto began = steady_clock::now();
    out.steps = apply(to);
    const auto ended = steady_clock::now();
    out.took = std::chrono::duration<double>(ended - began).count();
    writes_again();
    out.gap = writer_.longest_gap(began, steady_clock::now()).length.count();
    whole(to);
    out.acknowledged = writer_.count();
    out.lost = lost(to);
    if (const auto left = steps_of({"apply", file_, "--dry-run"}); left != 0) {
      give_up(fmt::format("{}: {} steps are left after the apply", to.name, left));
    }
    at_ = to;
    return out;
  }

  Failed change_failing(const Shape& to, const std::string& statement, Fault fault, const std::string& may_lose) {
    const auto from = file_;
    const auto mark = rig_.topology_file().parent_path() / "fired";
    std::filesystem::remove(mark);
    rig_.repld().stop();
    rig_.repld().start({"LD_PRELOAD=" + (own_folder() / "libfault_on_send.so").string(),
                        "REPL_FAULT_STATEMENT=" + statement, fmt::format("REPL_FAULT={}", to_string(fault)),
                        "REPL_FAULT_MARK=" + mark.string()});
    ready();
    file_ = write_file(rig_, to);
    std::vector<std::string> apply{"apply", file_, "--yes", "--timeout", fault == Fault::Killed ? "3s" : "2m"};
    if (!may_lose.empty()) apply.insert(apply.end(), {"--allow-data-loss", may_lose});
    const auto said = rig_.replctl(apply);
    Failed out{.fired = std::filesystem::exists(mark), .said = said.output + said.errors};
    if (!rig_.repld().died()) rig_.repld().stop();
    rig_.repld().start();
    const auto idle = [](const nlohmann::json& status) { return status["operation"].is_null(); };
    if (!rig_.wait_for(idle, seconds{120})) give_up("the operation does not end");
    (void)rig_.replctl({"resume", rig_.cluster()});
    const auto history = rig_.replctl_json({"history", rig_.cluster()});
    out.state = history["operations"].empty() ? "" : history["operations"][0].value("state", "");
    if (out.state == "done") {
      at_ = to;
    } else {
      file_ = write_file(rig_, at_);
    }
    (void)becomes_whole(rig_, at_);
    if (writing_) {
      writes_again();
      out.lost = lost(at_);
    }
    comes_true([&] { return (out.left = steps_of({"apply", file_, "--dry-run"})) == 0; });
    return out;
  }

  /// A repld that was just started has looked at every node, and every server answers.
  void ready() {
    const auto is = [](const nlohmann::json& s) { return s["problemList"].empty() || s["paused"] == true; };
    if (!rig_.wait_for(is, seconds{30})) {
      give_up("repld does not find the cluster in order after a start");
    }
    // One that no file names now may still be starting anew after a clone that was cut off.
    for (const auto& node : rig_.sandbox().nodes()) {
      if (!comes_true([&] { return rig_.ask(node.name, "SELECT 1") == "1"; })) give_up(node.name + " does not answer");
    }
  }

  [[noreturn]] void give_up(const std::string& why) const {
    throw std::runtime_error("from '" + at_.name + "': " + why + "\n" + rig_.story());
  }

  std::size_t steps_of(const std::vector<std::string>& command) const {
    const auto answer = rig_.replctl_json(command);
    if (!answer.is_object()) give_up("no answer to a dry run: " + rig_.replctl(command).errors);
    return answer["clusters"][0]["plan"]["steps"].size();
  }

  /// @return how many steps it took
  std::size_t apply(const Shape& shape) {
    file_ = write_file(rig_, shape);
    const auto steps = steps_of({"apply", file_, "--dry-run"});
    const auto done = rig_.replctl({"apply", file_, "--yes", "--wait"});
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
      const auto name = name_of_node(node);
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
  bool writing_ = false;
};

Traveller::Traveller(int servers) : impl_{std::make_unique<Impl>(servers)} {}
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
Traveller::Failed Traveller::change_failing(const Shape& to, const std::string& statement, Fault fault,
                                            const std::string& may_lose) {
  return impl_->change_failing(to, statement, fault, may_lose);
}
const Shape& Traveller::at() const {
  return impl_->at_;
}

std::string_view to_string(Fault fault) {
  return fault == Fault::Lost ? "lost" : fault == Fault::Unheard ? "unheard" : "killed";
}

std::vector<Tour> tours() {
  const auto flat3 = tree(3);
  const Shape async3{"3 nodes, async", kTree, flat3, kAsync};
  const Shape semi3{"3 nodes, semi-sync", kTree, flat3, kSemi};
  const Shape sync3{"3 nodes, sync", kTree, flat3, kSync};
  const Shape semi2of3{"3 nodes, semi-sync, acks 2", kTree, flat3, "mode: semi-sync, acks: 2"};
  const Shape degrading{"3 nodes, semi-sync, may go on alone", kTree, flat3,
                        "mode: semi-sync, acks: 1, onTooFewReplicas: degrade-to-async, timeout: 2s"};
  const Tour durability{
      "durability", 3, {async3, semi3, sync3, async3, sync3, semi3, semi2of3, semi3, degrading, semi3, async3}};

  const Shape flat5{"5 nodes", kTree, tree(5), kSemi};
  const Shape chain{"chain of 5", kTree, tree(5, {"", "", "follows: db2", "follows: db3", "follows: db4"}), kSemi};
  const Shape branches{"two branches", kTree, tree(5, {"", "", "", "follows: db2", "follows: db3"}), kSemi};
  const Shape delayed{"5 nodes, one delayed", kTree, tree(5, {"", "", "", "", "delay: 60s"}), kSemi};
  const Shape four{"4 nodes", kTree, tree(4), kSemi};
  const Shape replaced{
      "4 nodes, one replaced",
      kTree,
      {"name: db1, type: source", "name: db2, type: replica", "name: db3, type: replica", "name: db5, type: replica"},
      kSemi};
  const Shape moved{
      "4 nodes, db2 the source",
      kTree,
      {"name: db1, type: replica", "name: db2, type: source", "name: db3, type: replica", "name: db5, type: replica"},
      kSemi};
  const Shape tuned{"4 nodes, other settings", kTree, moved.nodes, kSemi,
                    "settings: {max_connections: 321, binlog_transaction_compression: ON}\n"};
  const Tour trees{
      "trees", 5, {flat5, chain, branches, flat5, delayed, flat5, four, flat5, four, replaced, moved, tuned}};

  const Shape ring3{"ring of 3", kRing, alike({1, 2, 3}), kAsync};
  const Shape ring3semi{"ring of 3, semi-sync", kRing, alike({1, 2, 3}), kSemi};
  const Shape ring3sync{"ring of 3, sync", kRing, alike({1, 2, 3}), kSync};
  const Shape ring4{"ring of 4", kRing, alike({1, 2, 3, 4}), kAsync};
  const Shape ring4semi{"ring of 4, semi-sync", kRing, alike({1, 2, 3, 4}), kSemi};
  const Shape ring4other{"ring of 4, another order", kRing, alike({1, 3, 2, 4}), kAsync};
  const Shape ring3replaced{"ring of 3, one replaced", kRing, alike({1, 2, 4}), kAsync};
  const Shape pair{"source-source", kPair, alike({1, 2}), kAsync};
  const Shape pairsemi{"source-source, semi-sync", kPair, alike({1, 2}), kSemi};
  const Tour rings{
      "rings", 4, {async3, ring3,         ring3semi, ring3sync, ring3semi, ring3,     ring4,  ring4other, ring4,
                   ring3,  ring3replaced, pair,      ring3,     async3,    ring3semi, semi3,  pair,       pairsemi,
                   semi3,  pairsemi,      pair,      async3,    ring4semi, ring3semi, async3, pairsemi,   async3}};

  const Shape group3{"group of 3", kGroup, alike({1, 2, 3})};
  const Shape group4{"group of 4", kGroup, alike({1, 2, 3, 4})};
  const Shape group3replaced{"group of 3, one replaced", kGroup, alike({1, 2, 4})};
  const Shape multi3{"multi-primary group of 3", kMulti, alike({1, 2, 3})};
  const Shape multi4{"multi-primary group of 4", kMulti, alike({1, 2, 3, 4})};
  const Shape group3weights{"group of 3, weights and consistency", kGroup, alike({1, 2, 3}), "",
                            "groupReplication: {consistency: BEFORE, weight: {db2: 80}}\n"};
  const Tour groups{"groups",
                    4,
                    {async3, group3, semi3, group3, group4, group3, group3replaced, group3, group3weights, group3,
                     multi3, multi4, multi3, group3, async3, multi3, semi3}};
  return {durability, trees, rings, groups};
}

void travel(const Tour& tour, const std::function<void(const Change&)>& made) {
  Traveller traveller{tour.servers};
  traveller.begin(tour.shapes.front());
  for (std::size_t i = 1; i < tour.shapes.size(); ++i) made(traveller.change(tour.shapes[i]));
}

double from_empty(const std::string& topology, int nodes) {
  Rig rig{{.name = "tour", .nodes = nodes}};
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
