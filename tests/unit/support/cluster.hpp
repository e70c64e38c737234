// The small language of the unit tests: specs, views and offices in a line each, so that a test says only what matters
// to it.
//
//   auto c = running(spec_of("a b c").acks(1));      // everything as declared, "a" is the primary
//   c["a"].refused();
//   c["b"].lost_source();
//   diagnose(c.spec, c.office, c.view());
//
//   view_of({primary("a", {"A:1-5"}), replica("b", "a", {"A:1-5", "B:1"})});
//
// "A:1-5" are transactions 1 to 5 of the server whose UUID is uuid('A'); node "a" has that UUID. Header only.
#pragma once

#include <chrono>
#include <initializer_list>
#include <map>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "model/gtid_set.hpp"
#include "model/operation.hpp"
#include "model/spec.hpp"
#include "model/spec_variables.hpp"
#include "model/view.hpp"

namespace repl {

inline std::ostream& operator<<(std::ostream& out, const NodeId& node) {
  return out << node.name;
}
inline std::ostream& operator<<(std::ostream& out, const GtidSet& set) {
  return out << set.to_string();
}

}  // namespace repl

namespace repl::test {

using namespace std::chrono_literals;

inline const NodeId kA{"a"}, kB{"b"}, kC{"c"};

/// Virtual time of the tests.
inline constexpr Time kNow{std::chrono::seconds{1'000'000}};

/// The UUID that `letter` stands for.
inline std::string uuid(char letter) {
  return fmt::format("{0:08x}-0000-4000-8000-{0:012x}", static_cast<unsigned>(static_cast<unsigned char>(letter)));
}

/// The letter of a node: "b" gives 'B'.
inline char letter_of(std::string_view node) {
  return static_cast<char>(node.front() - 'a' + 'A');
}

/// "A:1-5", or "A:1-5,B:7": a capital before a colon is a UUID.
inline GtidSet gtids(std::string_view text) {
  std::string full;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool alias = text[i] >= 'A' && text[i] <= 'Z' && i + 1 < text.size() && text[i + 1] == ':';
    full += alias ? uuid(text[i]) : std::string{text[i]};
  }
  auto parsed = GtidSet::parse(full);
  if (!parsed) throw std::invalid_argument{parsed.error().message};
  return *parsed;
}
inline GtidSet gtids(std::initializer_list<std::string_view> parts) {
  GtidSet all;
  for (const auto part : parts) all = unite(all, gtids(part));
  return all;
}

inline std::vector<std::string> words(const std::string& text) {
  std::istringstream in{text};
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

/// "db-b:3306" for node "b".
inline Address address_of(const NodeId& node) {
  return {"db-" + node.name, 3306};
}

// ---- specs ----------------------------------------------------------------------------------------------------------

/// A Spec with words for what tests change. The first node is the declared source.
struct SpecOf : Spec {
  /// Semi-sync; commits wait for ever.
  SpecOf& acks(int count) {
    sync = {.mode = DataSyncType::SemiSync, .acks = count};
    return *this;
  }
  SpecOf& sync_all() {
    sync = {.mode = DataSyncType::Sync};
    return *this;
  }
  SpecOf& ring() {
    topology = nodes.size() == 2 ? TopologyType::SourceSource : TopologyType::Circular;
    for (auto& n : nodes) n.type = NodeType::Normal;
    return *this;
  }
  SpecOf& group(TopologyType kind = TopologyType::GroupSinglePrimary) {
    topology = kind;
    for (auto& n : nodes) n.type = NodeType::Normal;
    return *this;
  }
  /// File and Position.
  SpecOf& by_position() {
    positioning = Positioning::Binlog;
    return *this;
  }
  SpecOf& degrading() {
    sync.on_too_few = OnTooFewReplicas::DegradeToAsync;
    return *this;
  }
  SpecOf& follows(const std::string& replica, const std::string& source) {
    node(replica).follows = NodeId{source};
    return *this;
  }
  SpecOf& delayed(const std::string& replica, std::chrono::seconds by) {
    node(replica).delay = by;
    return *this;
  }
  SpecOf& promotion(const std::string& name, Promotion value) {
    node(name).promotion = value;
    return *this;
  }
  SpecOf& region(const std::string& name, const std::string& value) {
    node(name).region = value;
    return *this;
  }
  SpecOf& fencing(FencingMode mode) {
    failover.fencing = mode;
    return *this;
  }
  /// "fence" and "cut" before a failover, "announce" and "note" after it; "ask" before a switchover, "tell" after it.
  SpecOf& with_hooks() {
    hooks.pre_failover = {"fence", "cut"};
    hooks.post_failover = {"announce", "note"};
    hooks.pre_switchover = {"ask"};
    hooks.post_switchover = {"tell"};
    return *this;
  }
  SpecOf& setting(const std::string& name, const std::string& value) {
    settings[name] = value;
    return *this;
  }
  SpecOf& skip_errors(const std::string& name, std::vector<int> errors) {
    node(name).skip_errors = std::move(errors);
    return *this;
  }
  SpecOf& untuned() {
    tuning = Tuning::None;
    return *this;
  }
  SpecOf& source(const std::string& name) {
    for (auto& n : nodes) n.type = n.id.name == name ? NodeType::Source : NodeType::Replica;
    return *this;
  }
  SpecOf& add(const std::string& name) {
    nodes.push_back({.id = {name}, .address = address_of({name})});
    return *this;
  }
  SpecOf& remove(const std::string& name) {
    std::erase_if(nodes, [&](const NodeSpec& n) { return n.id.name == name; });
    return *this;
  }
  NodeSpec& node(const std::string& name) {
    for (auto& n : nodes) {
      if (n.id.name == name) return n;
    }
    throw std::invalid_argument{"no node " + name};
  }
};

/// An async cluster "shop" with these nodes, and accounts admin and replication.
inline SpecOf spec_of(const std::string& nodes) {
  SpecOf spec;
  spec.cluster = {"shop"};
  for (const auto& name : words(nodes)) spec.add(name);
  spec.nodes.front().type = NodeType::Source;
  spec.accounts[AccountRole::Admin] = {"repl_admin", {SecretRef::Kind::File, "/secrets/admin"}, {}};
  spec.accounts[AccountRole::Replication] = {"repl_replica", {SecretRef::Kind::File, "/secrets/replica"}, {}};
  return spec;
}

// ---- what was seen of a node ----------------------------------------------------------------------------------------

/// One node's observation; each word changes it and gives it back.
class Seen {
 public:
  explicit Seen(const std::string& name) {
    observation_.node = {name};
    Snapshot s;
    s.node = {name};
    s.taken_at = kNow;
    s.took = 1ms;
    s.reach = Reach::Ok;
    s.server_uuid = uuid(letter_of(name));
    s.server_id = static_cast<std::uint32_t>(letter_of(name));
    s.version = {9, 7, 0};
    s.uptime = 3600s;
    s.super_read_only_persisted = true;
    s.semi_sync.source_plugin = true;
    s.semi_sync.replica_plugin = true;
    s.semi_sync.timeout = std::chrono::milliseconds{4'294'967'295};
    observation_.latest = s;
    observation_.reached = s;
  }

  const NodeId& node() const { return observation_.node; }
  Observation observation() const {
    auto out = observation_;
    if (out.reachable()) out.reached = out.latest;
    return out;
  }
  /// The snapshot, to change what no word changes. Only while the node is reachable.
  Snapshot& now() { return *observation_.latest; }
  Channel& channel() { return now().channels.front(); }

  // -- reach
  Seen& refused() { return unreachable(Reach::Refused, 1, "2003: connection refused"); }
  Seen& silent(int misses) { return unreachable(Reach::Silent, misses, "no answer within 500 ms"); }
  Seen& lost(int misses) { return unreachable(Reach::Lost, misses, "2013: lost connection"); }
  Seen& too_many_connections() { return error_packet(Reach::Busy, "1040: Too many connections"); }
  Seen& access_denied() { return error_packet(Reach::Denied, "1045: Access denied"); }
  /// The first query was answered and a later one was not, or another error packet came.
  Seen& partial_answer() { return error_packet(Reach::Error, "1317: Query execution was interrupted"); }
  Seen& never_looked_at() {
    const auto node = observation_.node;
    observation_ = {};
    observation_.node = node;
    return *this;
  }

  // -- replication
  /// Replicates from `source`, both threads running, and heard it a moment ago.
  Seen& follow(const std::string& source) {
    Channel c;
    c.source = address_of({source});
    c.source_uuid = uuid(letter_of(source));
    c.receiver = ThreadState::Running;
    c.applier = ThreadState::Running;
    c.heartbeat_interval = 500ms;
    c.silence = 200ms;
    c.lag = Duration{0};
    now().channels = {c};
    return *this;
  }
  Seen& taken_later(Duration by) {
    now().taken_at += by;
    return *this;
  }
  /// Replicates from a server that is not in the spec.
  Seen& follow_stranger() {
    follow("x");
    channel().source = {"elsewhere", 3306};
    return *this;
  }
  /// Reconnecting, with the receiver's error; 0: it has only just noticed.
  Seen& lost_source(int receiver_errno = 2003) {
    channel().receiver = ThreadState::Connecting;
    channel().receiver_errno = receiver_errno;
    channel().receiver_error = receiver_errno == 0 ? "" : fmt::format("error {}", receiver_errno);
    return *this;
  }
  /// The receiver runs and has heard nothing for so long.
  Seen& hears_nothing_for(Duration silence) {
    channel().silence = silence;
    return *this;
  }
  Seen& receiver_stopped(int receiver_errno = 0) {
    channel().receiver = ThreadState::Stopped;
    channel().receiver_errno = receiver_errno;
    return *this;
  }
  Seen& applier_stopped(int applier_errno = 0) {
    channel().applier = ThreadState::Stopped;
    channel().applier_errno = applier_errno;
    channel().applier_error = applier_errno == 0 ? "" : fmt::format("error {}", applier_errno);
    return *this;
  }
  Seen& detached() {
    channel().source = {kDetachedHost, 3306};
    channel().receiver = ThreadState::Stopped;
    channel().silence.reset();
    return *this;
  }
  Seen& no_channel() {
    now().channels.clear();
    return *this;
  }
  Seen& received(std::string_view set) {
    channel().received = gtids(set);
    return *this;
  }
  Seen& lag(Duration behind) {
    channel().lag = behind;
    return *this;
  }
  Seen& applying_for(Duration age) {
    channel().applying_for = age;
    return *this;
  }

  // -- history
  Seen& executed(std::string_view set) {
    now().executed = gtids(set);
    return *this;
  }
  Seen& purged(std::string_view set) {
    now().purged = gtids(set);
    return *this;
  }
  /// Compared with the primary: has these of its own ("" for none).
  Seen& errant(std::string_view set) {
    observation_.errant = gtids(set);
    return *this;
  }
  Seen& not_compared() {
    observation_.errant.reset();
    return *this;
  }
  /// Was found to have transactions of its own some time ago.
  Seen& quarantined() {
    observation_.quarantined = true;
    return *this;
  }
  /// Thrown away with its data, and not used up yet.
  Seen& discarded(std::string_view transactions) {
    observation_.discarded = gtids(transactions);
    return *this;
  }
  Seen& closed_by_repld() {
    observation_.closed_by_repld = true;
    return *this;
  }
  /// A person works on it.
  Seen& in_maintenance() {
    observation_.in_maintenance = true;
    return *this;
  }

  // -- history without GTIDs
  /// Its own binary log ends there, in file 1.
  Seen& log_at(std::uint64_t position) {
    return placed([&](Snapshot& s) { s.log_position = {"binlog.000001", position}; });
  }
  /// Places in its source's binary log, in file 1.
  Seen& places(std::uint64_t read, std::uint64_t applied) {
    return placed([&](Snapshot& s) {
      s.channels.front().read = {"binlog.000001", read};
      s.channels.front().applied = {"binlog.000001", applied};
    });
  }
  /// Pointed away, and its channel keeps its place in the binary log of `source`.
  Seen& detached_from(const std::string& source) {
    detached();
    return placed(
        [&](Snapshot& s) { s.channels.front().source.host = detached_host(uuid(letter_of(source)), source); });
  }

  // -- switches
  Seen& writable() { return read_only(ReadOnly::Off); }
  Seen& read_only(ReadOnly value) {
    now().read_only = value;
    return *this;
  }
  Seen& offline() {
    now().offline_mode = true;
    return *this;
  }
  Seen& not_persisted() {
    now().super_read_only_persisted = false;
    return *this;
  }
  Seen& acker() {
    now().semi_sync.replica_enabled = true;
    now().semi_sync.replica_status = true;
    return *this;
  }
  Seen& no_acker() {
    now().semi_sync.replica_enabled = false;
    now().semi_sync.replica_status = false;
    return *this;
  }
  /// The source side of semi-sync is on and waits for `count`.
  Seen& waits_for(int count) {
    now().semi_sync.source_enabled = true;
    now().semi_sync.source_status = true;
    now().semi_sync.wait_for_count = count;
    return *this;
  }
  Seen& semi_sync_source_off() {
    now().semi_sync.source_enabled = false;
    now().semi_sync.source_status = false;
    return *this;
  }
  /// What it had executed a look before.
  Seen& had_earlier(const std::string& executed) {
    observation_.earlier = {now().taken_at - 1s, gtids(executed)};
    return *this;
  }
  Seen& commits_waiting(int sessions) {
    now().semi_sync.wait_sessions = sessions;
    return *this;
  }

  // -- group
  /// What it says of itself.
  Seen& member(MemberState state) {
    for (auto& m : now().group.members) {
      if (m.server_uuid == now().server_uuid) m.state = state;
    }
    return *this;
  }
  /// It was started and is in no group.
  Seen& out_of_the_group(MemberState state = MemberState::Offline) {
    now().group.members = {{now().server_uuid, address_of(node()), state, false}};
    return read_only(ReadOnly::Super);
  }
  /// The group runs in that mode, and this node is a primary of it, or is not.
  Seen& elected(bool primary, bool single_primary) {
    now().group.single_primary = single_primary;
    for (auto& m : now().group.members) {
      if (m.server_uuid == now().server_uuid) m.primary = primary;
    }
    return read_only(primary ? ReadOnly::Off : ReadOnly::Super);
  }
  /// It cannot reach that member.
  Seen& misses_member(const std::string& name) {
    for (auto& m : now().group.members) {
      if (m.server_uuid == uuid(letter_of(name))) m.state = MemberState::Unreachable;
    }
    return *this;
  }

  // -- inventory
  Seen& has(Inventory inventory) {
    observation_.inventory = std::move(inventory);
    return *this;
  }
  /// Its variables are as the spec says; somebody looked.
  Seen& variables_as_declared(const Spec& spec) {
    inventory().variables = declared_variables(spec, node());
    inventory().variables.emplace(kSkipErrorsVariable, "OFF");
    return *this;
  }
  Seen& variable(const std::string& name, const std::string& value) {
    inventory().variables[name] = value;
    return *this;
  }
  Inventory& inventory() {
    if (!observation_.inventory) observation_.inventory = Inventory{};
    return *observation_.inventory;
  }

 private:
  template <class Change>
  Seen& placed(Change change) {
    now().gtid_mode = GtidMode::Off;
    change(now());
    use_positions(now());
    return *this;
  }
  Seen& unreachable(Reach reach, int misses, std::string problem) {
    observation_.misses = misses;
    observation_.silent_since = kNow - 1s;
    observation_.errant.reset();
    return nothing_known(reach, std::move(problem));
  }
  Seen& error_packet(Reach reach, std::string problem) {
    observation_.errant.reset();
    return nothing_known(reach, std::move(problem));
  }
  Seen& nothing_known(Reach reach, std::string problem) {
    observation_.reached = observation_.latest;
    Snapshot s;
    s.node = observation_.node;
    s.taken_at = kNow;
    s.took = 1ms;
    s.reach = reach;
    s.problem = std::move(problem);
    observation_.latest = s;
    return *this;
  }

  Observation observation_;
};

/// A node that takes writes.
inline Seen primary(const std::string& name, std::initializer_list<std::string_view> executed) {
  Seen seen{name};
  seen.now().read_only = ReadOnly::Off;
  seen.now().executed = gtids(executed);
  return seen;
}

/// A healthy read-only node that replicates from `source` and was found to have nothing of its own.
inline Seen replica(const std::string& name, const std::string& source,
                    std::initializer_list<std::string_view> executed) {
  Seen seen{name};
  seen.now().executed = gtids(executed);
  seen.follow(source).errant("");
  return seen;
}

inline View view_of(std::initializer_list<Seen> nodes) {
  std::vector<Observation> all;
  for (const auto& n : nodes) all.push_back(n.observation());
  return {kNow, std::move(all)};
}

// ---- clusters -------------------------------------------------------------------------------------------------------

/// The office of `primary` since long: all its ackers known, and what it looked like when it last answered.
inline Office office_of(const Spec& spec, const std::string& primary) {
  if (spec.several_writers()) return {.term = {1}, .since = kNow - 24h};
  Office office{.term = {1}, .primary = NodeId{primary}, .returns_read_only = true, .since = kNow - 24h};
  if (spec.semi_sync()) {
    for (const auto& node : spec.ackers({primary})) office.ackers.insert(node);
  }
  office.acks = spec.waits_for_acks() ? std::max(1, spec.acks_wanted({primary})) : 0;
  office.commits_wait = spec.waits_for_acks();
  return office;
}

struct Cluster {
  Spec spec;
  Office office;
  std::map<std::string, Seen> nodes;

  Seen& operator[](const std::string& name) { return nodes.at(name); }
  View view() const {
    std::vector<Observation> all;
    for (const auto& [name, seen] : nodes) all.push_back(seen.observation());
    return {kNow, std::move(all)};
  }
  /// Those whose channels point to `source` say that they lost it.
  Cluster& replicas_lose(const std::string& source) {
    for (auto& [name, seen] : nodes) {
      if (seen.observation().reachable() && seen.observation().latest->channel() != nullptr &&
          seen.channel().source == address_of({source})) {
        seen.lost_source();
      }
    }
    return *this;
  }
  /// kill -9: refused, and its replicas noticed.
  Cluster& kill(const std::string& name) {
    nodes.at(name).refused();
    return replicas_lose(name);
  }
  /// Frozen or cut off: nothing comes back, and its replicas noticed.
  Cluster& freeze(const std::string& name) {
    nodes.at(name).silent(spec.failover.detection.misses);
    return replicas_lose(name);
  }
};

/// Everything as declared with `name` in office: A:1-100 written and applied everywhere, nothing to complain about.
inline Cluster running(const Spec& spec, const std::string& name = "a");

/// The same without GTIDs: every log ends at 1000, and all that is before it is applied.
inline Cluster running_by_position(SpecOf spec, const std::string& name = "a") {
  auto c = running(spec.by_position(), name);
  for (auto& [node, seen] : c.nodes) {
    seen.log_at(1000);
    if (!seen.now().channels.empty()) seen.places(1000, 1000);
  }
  return c;
}

inline Cluster running(const Spec& spec, const std::string& name) {
  Cluster c{spec, office_of(spec, name), {}};
  const NodeId in_office{name};
  std::vector<GroupMember> members;
  for (const auto& node : spec.nodes) {
    const bool elected = node.id == in_office || spec.several_writers();
    members.push_back({uuid(letter_of(node.id.name)), address_of(node.id), MemberState::Online, elected});
  }
  for (const auto& node : spec.nodes) {
    Seen seen{node.id.name};
    seen.executed("A:1-100");
    if (spec.is_group()) {
      seen.now().group = {
          .plugin = true, .name = "group", .single_primary = !spec.several_writers(), .members = members};
      if (node.id == in_office || spec.several_writers()) seen.writable();
    } else if (spec.is_ring()) {
      seen.writable().follow(spec.source_of(node.id, in_office)->name);
      if (spec.semi_sync()) {
        seen.waits_for(1).acker();
        seen.now().semi_sync.clients = 1;
      }
    } else if (node.id == in_office) {
      seen.writable();
      if (spec.semi_sync()) seen.waits_for(std::max(1, spec.acks_wanted(in_office)));
      seen.now().semi_sync.clients = spec.semi_sync() ? static_cast<int>(spec.ackers(in_office).size()) : 0;
    } else {
      seen.follow(spec.source_of(node.id, in_office)->name).errant("");
      seen.channel().delay = node.delay;
      if (spec.semi_sync() && node.delay.count() == 0) seen.acker();
    }
    c.nodes.emplace(node.id.name, seen);
  }
  return c;
}

}  // namespace repl::test
