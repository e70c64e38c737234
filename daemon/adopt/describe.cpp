// The shape of a topology, then its fields one by one.
#include "adopt/describe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <set>

#include "model/snapshot_text.hpp"
#include "model/spec_text.hpp"
#include "plan/observe.hpp"
#include "plan/semi_sync.hpp"
#include "plan/variables.hpp"
#include "spec/parse.hpp"
#include "spec/to_yaml.hpp"

namespace repl::adopt {
namespace {

using Index = std::size_t;
using std::chrono::seconds;

constexpr const char* kDefaultName = "adopted";
constexpr const char* kDefaultReplicationUser = "repl_replica";
constexpr const char* kSecrets = "/etc/repld/secrets";

bool is_number_or_dot(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '.';
}

/// "db-eu1" of "db-eu1.example.com"; "" of an address and of localhost.
std::string name_in(const std::string& host) {
  const bool is_address =
      host.find(':') != std::string::npos || std::all_of(host.begin(), host.end(), is_number_or_dot);
  if (is_address || host == "localhost") return {};
  std::string name;
  for (const char c : host.substr(0, host.find('.'))) {
    const bool fits = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
    if (fits && !(name.empty() && (c == '_' || c == '-'))) name += c;
  }
  return name.substr(0, 50);
}

/// What settings cannot say, because it follows from other fields.
bool is_derived(const Spec& spec, const std::string& variable) {
  return variable.starts_with("rpl_semi_sync_") || variable.starts_with("group_replication_") ||
         (spec.several_writers() && variable.starts_with("auto_increment_"));
}

std::optional<long> whole(const std::string& text) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

bool follows(const Snapshot& now) {
  return now.channel() != nullptr && now.channel()->source.host != kDetachedHost;
}

class Describer {
 public:
  Describer(const Findings& found, const Order& order) : found_(found), order_(order), servers_(found.servers) {}

  Result<Description> describe() && {
    spec_.cluster = order_.name.value_or(ClusterId{kDefaultName});
    spec_.management = Management::Observe;
    spec_.tls = order_.tls;
    if (found_.cut_short) {
      refuse(ErrorCode::NotSupported,
             fmt::format("there is more than could be looked at ({} servers)", servers_.size()));
    }
    positioning();
    for (Index i = 0; i < servers_.size(); ++i) fitness(i);
    find_sources();
    shape();
    if (!reasons_.empty()) return refusal();
    addresses();
    if (!reasons_.empty()) return refusal();
    nodes();
    sync();
    accounts();
    provisioning();
    if (spec_.is_group()) group();
    settings();
    for (const auto& other : found_.unreached) {
      note("{} ({}) is not in this file: {}", to_string(other.address), other.seen_by, other.why);
    }
    return finish();
  }

 private:
  void refuse(ErrorCode code, std::string reason) {
    if (reasons_.empty()) code_ = code;
    if (std::find(reasons_.begin(), reasons_.end(), reason) == reasons_.end()) reasons_.push_back(std::move(reason));
  }
  tl::unexpected<Error> refusal() const {
    return fail(code_, "what was found cannot be taken up as it is; nothing was changed:\n  - {}",
                fmt::join(reasons_, "\n  - "));
  }
  template <class... Args>
  void note(fmt::format_string<Args...> text, Args&&... args) {
    description_.notes.push_back(fmt::format(text, std::forward<Args>(args)...));
  }

  const Snapshot& now(Index i) const { return servers_[i].now; }
  std::string shown(Index i) const { return to_string(servers_[i].reached); }
  std::string variable(Index i, const std::string& name) const {
    const auto& variables = now(i).inventory->variables;
    const auto found = variables.find(name);
    return found == variables.end() ? std::string{} : found->second;
  }

  // ---- each server by itself
  // ------------------------------------------------------------------------------------------

  /// gtid_mode is the same everywhere, or somebody is in the middle of changing it.
  void positioning() {
    if (servers_.empty()) return;
    const auto first = now(0).gtid_mode;
    for (Index i = 0; i < servers_.size(); ++i) {
      if (now(i).gtid_mode == first && (first == GtidMode::On || first == GtidMode::Off)) continue;
      refuse(ErrorCode::NotSupported,
             fmt::format("{} has gtid_mode {}{}: make it ON, or OFF, on all servers first, a step at a time (MySQL "
                         "manual, \"Changing GTID Mode Online\")",
                         shown(i), to_string(now(i).gtid_mode),
                         now(i).gtid_mode == first ? std::string{}
                                                   : fmt::format(", and {} has {}", shown(0), to_string(first))));
    }
    if (first == GtidMode::Off) spec_.positioning = Positioning::Binlog;
  }

  void fitness(Index i) {
    const auto& s = now(i);
    if (!s.log_replica_updates) {
      refuse(ErrorCode::PreconditionFailed,
             fmt::format("{} does not write what it applies to its binary log: set log_bin and log_replica_updates ON "
                         "in its option file",
                         shown(i)));
    }
    if (s.channels.size() > 1) {
      std::string channels;
      for (const auto& c : s.channels) {
        channels += fmt::format("{}'{}' from {}", channels.empty() ? "" : ", ", c.name, to_string(c.source));
      }
      refuse(ErrorCode::NotSupported,
             fmt::format("{} has {} replication channels ({}), and a node of a topology has one: remove the others "
                         "(STOP REPLICA and RESET REPLICA ALL FOR CHANNEL)",
                         shown(i), s.channels.size(), channels));
    } else if (follows(s) && s.gtid_mode == GtidMode::On && !s.channel()->auto_position) {
      refuse(ErrorCode::NotSupported,
             fmt::format("{} follows by binary log position: STOP REPLICA, CHANGE REPLICATION SOURCE TO "
                         "SOURCE_AUTO_POSITION = 1, START REPLICA there",
                         shown(i)));
    }
  }

  std::optional<Index> server_with(const std::string& uuid) const {
    for (Index i = 0; i < servers_.size(); ++i) {
      if (!uuid.empty() && now(i).server_uuid == uuid) return i;
    }
    return std::nullopt;
  }

  std::optional<Index> server_at(const Address& address) const {
    for (Index i = 0; i < servers_.size(); ++i) {
      if (servers_[i].reached == address) return i;
    }
    return std::nullopt;
  }

  void find_sources() {
    sources_.resize(servers_.size());
    for (Index i = 0; i < servers_.size(); ++i) {
      if (!follows(now(i)) || now(i).channels.size() > 1) continue;
      const auto& channel = *now(i).channel();
      sources_[i] = server_with(channel.source_uuid);
      if (!sources_[i]) sources_[i] = server_at(channel.source);
      if (sources_[i]) continue;
      const auto unreached = std::find_if(found_.unreached.begin(), found_.unreached.end(),
                                          [&](const Unreached& u) { return u.address == channel.source; });
      refuse(ErrorCode::PreconditionFailed,
             fmt::format("{} follows {}, which cannot be looked at{}: bring it back, or point {} to another server",
                         shown(i), to_string(channel.source),
                         unreached == found_.unreached.end() ? std::string{} : " (" + unreached->why + ")", shown(i)));
    }
  }

  // ---- the topology
  // ---------------------------------------------------------------------------------------------------

  void shape() {
    if (servers_.empty()) {
      std::string why;
      for (const auto& u : found_.unreached) why += fmt::format("{}{}", why.empty() ? ": " : "; ", u.why);
      return refuse(ErrorCode::PreconditionFailed, "no server answers" + why);
    }
    const auto members =
        std::count_if(servers_.begin(), servers_.end(), [](const Server& s) { return s.now.in_group(); });
    if (members > 0) return group_shape(static_cast<Index>(members));
    for (Index i = 0; i < servers_.size(); ++i) {
      if (now(i).member_state() == MemberState::Offline || now(i).group.members.empty()) continue;
      refuse(
          ErrorCode::PreconditionFailed,
          fmt::format("{} is in a group, and is not ONLINE in a majority of it: bring the group back first", shown(i)));
    }
    std::vector<Index> roots;
    for (Index i = 0; i < servers_.size(); ++i) {
      if (!sources_[i]) roots.push_back(i);
    }
    if (!reasons_.empty()) return;
    if (roots.empty()) return ring_shape();
    if (roots.size() > 1) {
      std::string all;
      for (const auto root : roots) all += (all.empty() ? "" : ", ") + shown(root);
      return refuse(ErrorCode::NotSupported,
                    fmt::format("{} servers follow nobody ({}), so these are {} topologies: adopt one after the other",
                                roots.size(), all, roots.size()));
    }
    tree_shape(roots.front());
  }

  /// The primary, then level by level.
  void tree_shape(Index root) {
    spec_.topology = TopologyType::SourceReplica;
    order_of_nodes_ = {root};
    for (Index at = 0; at < order_of_nodes_.size(); ++at) {
      for (Index i = 0; i < servers_.size(); ++i) {
        if (sources_[i] == order_of_nodes_[at]) order_of_nodes_.push_back(i);
      }
    }
    if (order_of_nodes_.size() < servers_.size()) {
      refuse(ErrorCode::NotSupported, "some servers follow each other in a circle, and others do not belong to it");
    } else if (servers_.size() == 1) {
      refuse(ErrorCode::PreconditionFailed,
             fmt::format("{} follows nobody and nobody is known to follow it: name its replicas too, or write a "
                         "topology file and apply it",
                         shown(root)));
    }
  }

  void ring_shape() {
    std::set<Index> in_ring;
    for (Index at = 0; in_ring.insert(at).second;) at = *sources_[at];
    // From any server the way leads into the ring; one more time round it are its nodes.
    Index first = 0;
    for (Index hop = 0; hop < servers_.size(); ++hop) first = *sources_[first];
    in_ring.clear();
    for (Index at = first; in_ring.insert(at).second;) at = *sources_[at];
    if (in_ring.size() < servers_.size()) {
      std::string others;
      for (Index i = 0; i < servers_.size(); ++i) {
        if (!in_ring.contains(i)) others += (others.empty() ? "" : ", ") + shown(i);
      }
      return refuse(ErrorCode::NotSupported,
                    fmt::format("{} servers form a ring, and {} follow it without belonging to it: no file can say "
                                "that; take them out first",
                                in_ring.size(), others));
    }
    if (spec_.by_position()) {
      return refuse(ErrorCode::NotSupported,
                    "the servers form a ring and have gtid_mode OFF, and rings are kept with GTIDs only: set "
                    "enforce_gtid_consistency and gtid_mode ON step by step on all of them (MySQL manual, \"Changing "
                    "GTID Mode Online\")");
    }
    if (in_ring.size() == 1) return refuse(ErrorCode::NotSupported, shown(first) + " follows itself");
    spec_.topology = in_ring.size() == 2 ? TopologyType::SourceSource : TopologyType::Circular;
    // The place of a node is its auto_increment_offset; each follows the one before it.
    for (Index i = 0; i < servers_.size(); ++i) {
      if (variable(i, "auto_increment_offset") == "1" && variable(first, "auto_increment_offset") != "1") first = i;
    }
    std::vector<Index> backwards;
    for (Index at = *sources_[first]; at != first; at = *sources_[at]) backwards.push_back(at);
    order_of_nodes_ = {first};
    order_of_nodes_.insert(order_of_nodes_.end(), backwards.rbegin(), backwards.rend());
    for (Index place = 0; place < order_of_nodes_.size(); ++place) {
      const auto i = order_of_nodes_[place];
      if (variable(i, "auto_increment_offset") == std::to_string(place + 1) &&
          variable(i, "auto_increment_increment") == std::to_string(servers_.size())) {
        continue;
      }
      note(
          "{} counts its automatic keys by auto_increment_increment {} from auto_increment_offset {}, and at its place "
          "in the ring it is {} from {}: with management: full, writes stop for a moment on all nodes to change that",
          shown(i), variable(i, "auto_increment_increment"), variable(i, "auto_increment_offset"), servers_.size(),
          place + 1);
    }
  }

  void group_shape(Index members) {
    std::set<std::string> names;
    const Snapshot* a_member = nullptr;
    for (Index i = 0; i < servers_.size(); ++i) {
      if (now(i).in_group()) {
        names.insert(now(i).group.name);
        a_member = &now(i);
        if (follows(now(i))) {
          refuse(ErrorCode::NotSupported,
                 fmt::format("{} is a member of a group and follows {} as well: no file can say that", shown(i),
                             to_string(now(i).channel()->source)));
        }
      } else {
        refuse(ErrorCode::NotSupported,
               fmt::format("{} is no ONLINE member, beside {} that are: start it in the group, or take it away from it",
                           shown(i), members));
      }
    }
    if (names.size() > 1) {
      refuse(ErrorCode::NotSupported,
             fmt::format("there are {} groups ({}): adopt one after the other", names.size(), fmt::join(names, ", ")));
    }
    for (const auto& member : a_member->group.members) {
      if (server_with(member.server_uuid)) continue;
      refuse(ErrorCode::PreconditionFailed,
             fmt::format("{} is a member of the group and cannot be looked at", to_string(member.address)));
    }
    const bool single = a_member->group.single_primary;
    spec_.topology = single ? TopologyType::GroupSinglePrimary : TopologyType::GroupMultiPrimary;
    for (Index i = 0; i < servers_.size(); ++i) order_of_nodes_.push_back(i);
    const auto rank = [&](Index i) {
      const auto* self = now(i).group.find(now(i).server_uuid);
      if (single) return self != nullptr && self->primary ? 0L : 1L;
      return whole(variable(i, "auto_increment_offset")).value_or(0);
    };
    std::stable_sort(order_of_nodes_.begin(), order_of_nodes_.end(),
                     [&](Index a, Index b) { return rank(a) < rank(b); });
  }

  // ---- the nodes
  // ------------------------------------------------------------------------------------------------------

  /// What its replicas know a server by: by that name they are recognised.
  void addresses() {
    for (Index i = 0; i < servers_.size(); ++i) {
      std::set<Address> names;
      for (Index j = 0; j < servers_.size(); ++j) {
        if (sources_[j] == i) names.insert(now(j).channel()->source);
      }
      addresses_.push_back(names.empty() ? servers_[i].reached : *names.begin());
      if (names.size() > 1) {
        std::string all;
        for (const auto& name : names) all += (all.empty() ? "" : ", ") + to_string(name);
        refuse(ErrorCode::PreconditionFailed,
               fmt::format("its replicas know {} by different names ({}): make them the same with CHANGE REPLICATION "
                           "SOURCE TO SOURCE_HOST",
                           shown(i), all));
      } else if (addresses_.back() != servers_[i].reached) {
        note("{} is called {} here, because its replicas know it by that name: repld has to reach it so, too", shown(i),
             to_string(addresses_.back()));
      }
    }
  }

  void nodes() {
    std::set<std::string> taken;
    for (Index place = 0; place < order_of_nodes_.size(); ++place) {
      const auto i = order_of_nodes_[place];
      const auto& address = addresses_[i];
      auto name = name_in(address.host);
      if (name.empty()) name = fmt::format("db{}", place + 1);
      if (taken.contains(name)) name += fmt::format("-{}", address.port);
      if (taken.contains(name)) name += fmt::format("-{}", place + 1);
      taken.insert(name);
      names_[i] = NodeId{name};
      NodeSpec node{.id = {name}, .address = address};
      if (spec_.topology != TopologyType::SourceReplica) node.type = NodeType::Normal;
      spec_.nodes.push_back(std::move(node));
    }
    if (spec_.topology != TopologyType::SourceReplica) return;
    const auto primary = order_of_nodes_.front();
    for (Index place = 0; place < order_of_nodes_.size(); ++place) {
      const auto i = order_of_nodes_[place];
      auto& node = spec_.nodes[place];
      if (i == primary) {
        node.type = NodeType::Source;
        continue;
      }
      if (sources_[i] != primary) node.follows = names_.at(*sources_[i]);
      node.delay = now(i).channel()->delay;
    }
  }

  // ---- the rest, field by field
  // ---------------------------------------------------------------------------------------

  void sync() {
    if (spec_.is_group()) return;
    const auto first = order_of_nodes_.front();
    const auto& has = now(first).semi_sync;
    if (spec_.is_ring()) {
      for (const auto i : order_of_nodes_) {
        if (now(i).semi_sync.source_enabled == has.source_enabled) continue;
        note("semi-synchronous on some nodes of the ring only; the file says what {} does", names_.at(first));
      }
    }
    if (!has.source_enabled) return;
    auto& out = spec_.sync;
    out.mode = DataSyncType::SemiSync;
    out.acks = spec_.is_ring() ? 1 : has.wait_for_count;
    if (has.timeout < kPracticallyForever) {
      out.on_too_few = OnTooFewReplicas::DegradeToAsync;
      out.timeout = has.timeout;
    }
    if (!has.after_sync) {
      note("{} waits for acknowledgements after the commit; management: full sets AFTER_SYNC", names_.at(first));
    }
    if (!has.wait_no_replica) {
      note(
          "{} does not wait while no replica is connected; management: full sets "
          "rpl_semi_sync_source_wait_no_replica ON",
          names_.at(first));
    }
    for (const auto& node : spec_.is_ring() ? std::vector<NodeId>{} : spec_.ackers(names_.at(first))) {
      const auto i = std::find_if(names_.begin(), names_.end(), [&](const auto& n) { return n.second == node; })->first;
      if (now(i).semi_sync.replica_enabled) continue;
      note("{} does not acknowledge; management: full makes every undelayed direct replica do it", node);
    }
  }

  void accounts() {
    spec_.accounts[AccountRole::Admin] = order_.admin;
    std::set<std::string> users;
    for (const auto& server : servers_) users.insert(server.replication_users.begin(), server.replication_users.end());
    users.erase("");
    if (users.size() > 1) {
      note("replicas log in with several accounts ({}); the file names the first", fmt::join(users, ", "));
    }
    auto user = users.empty() ? std::string{kDefaultReplicationUser} : *users.begin();
    if (user == order_.admin.user) {
      note(
          "replicas log in as '{}', which is the admin account: repld makes an account '{}' for new channels once "
          "management is full",
          user, kDefaultReplicationUser);
      user = kDefaultReplicationUser;
    }
    const auto& admin = order_.admin.password;
    const auto slash = admin.kind == SecretRef::Kind::File ? admin.value.rfind('/') : std::string::npos;
    const auto folder = slash == std::string::npos ? std::string{kSecrets} : admin.value.substr(0, slash);
    const SecretRef password{SecretRef::Kind::File, fmt::format("{}/{}-replication", folder, spec_.cluster)};
    spec_.accounts[AccountRole::Replication] = {user, password, {}};
    description_.to_fill_in = password;
  }

  void provisioning() {
    const bool all =
        std::all_of(servers_.begin(), servers_.end(), [](const Server& s) { return s.now.inventory->clone_plugin; });
    spec_.provisioning = all ? Provisioning::Clone : Provisioning::None;
  }

  void group() {
    const auto first = order_of_nodes_.front();
    const auto common = [&](const std::string& name) {
      for (const auto i : order_of_nodes_) {
        if (variable(i, name) != variable(first, name)) {
          note("{} is not the same on all members; the file says what {} has ({})", name, names_.at(first),
               variable(first, name));
          break;
        }
      }
      return variable(first, name);
    };
    auto& out = spec_.group;
    if (const auto expel = whole(common("group_replication_member_expel_timeout"))) out.expel_after = seconds{*expel};
    if (const auto majority = whole(common("group_replication_unreachable_majority_timeout"))) {
      out.majority_timeout = seconds{*majority};
    }
    if (const auto value = value_in(kGroupConsistencies, common("group_replication_consistency"))) {
      out.consistency = *value;
    }
    for (const auto i : order_of_nodes_) {
      const auto weight = whole(variable(i, "group_replication_member_weight"));
      if (weight && *weight != 50) out.weights[names_.at(i).name] = static_cast<int>(*weight);
    }
  }

  /// What repld would set otherwise by itself, so that it does not.
  void settings() {
    std::map<std::string, std::map<std::string, int>> counts;
    for (Index place = 0; place < spec_.nodes.size(); ++place) {
      auto& node = spec_.nodes[place];
      for (const auto& [name, value] : plan::variables_of(spec_, node.id)) {
        const auto found = variable(order_of_nodes_[place], name);
        if (found.empty() || is_derived(spec_, name) || same_value(found, value)) continue;
        node.settings[name] = found;
        ++counts[name][found];
      }
    }
    for (const auto& [name, values] : counts) {
      if (values.size() != 1 || values.begin()->second != static_cast<int>(spec_.nodes.size())) continue;
      spec_.settings[name] = values.begin()->first;
      for (auto& node : spec_.nodes) node.settings.erase(name);
    }
  }

  // ---- the whole
  // ------------------------------------------------------------------------------------------------------

  Result<Description> finish() {
    // The rules of the language hold for it as for a file that somebody wrote.
    const auto parsed = spec::parse(spec::to_yaml(spec_), spec_.cluster.name, "/");
    for (const auto& error : parsed.errors) refuse(ErrorCode::NotSupported, error.message);
    if (!reasons_.empty()) return refusal();
    description_.spec = spec_;
    description_.unreached = found_.unreached;
    std::vector<Observation> seen;
    for (const auto& [i, name] : names_) {
      auto snapshot = now(i);
      snapshot.node = name;
      Observation observation{.node = name, .latest = snapshot, .reached = snapshot};
      observation.inventory = snapshot.inventory;
      seen.push_back(std::move(observation));
    }
    description_.view = View{Time{}, std::move(seen)};
    description_.differences = plan::compare(spec_, Office{}, nullptr, description_.view).differences;
    return std::move(description_);
  }

  const Findings& found_;
  const Order& order_;
  const std::vector<Server>& servers_;
  std::vector<std::optional<Index>> sources_;  ///< Whom each follows.
  std::vector<Index> order_of_nodes_;          ///< As in the file.
  std::vector<Address> addresses_;
  std::map<Index, NodeId> names_;
  Spec spec_;
  Description description_;
  ErrorCode code_ = ErrorCode::PreconditionFailed;
  std::vector<std::string> reasons_;
};

// ---- what the servers keep
// --------------------------------------------------------------------------------------------

struct Recorded {
  ClusterRecord record;
  Spec spec;
};

bool is_at(const Address& address, const Server& server, const Findings& found) {
  if (server.reached == address) return true;
  return std::any_of(found.servers.begin(), found.servers.end(), [&](const Server& other) {
    const auto* channel = other.now.channel();
    return channel != nullptr && channel->source == address && channel->source_uuid == server.now.server_uuid;
  });
}

const Server* server_of(const NodeSpec& node, const Findings& found) {
  const auto at = std::find_if(found.servers.begin(), found.servers.end(),
                               [&](const Server& s) { return is_at(node.address, s, found); });
  return at == found.servers.end() ? nullptr : &*at;
}

/// The newest that can be read and speaks of a server that was found. A server that was taken over from another cluster
/// may keep what it was before.
std::optional<Recorded> newest_record(const Findings& found, const Order& order) {
  std::optional<Recorded> newest;
  for (const auto& server : found.servers) {
    for (const auto& record : server.now.inventory->records) {
      if (order.name && record.cluster != *order.name) continue;
      if (newest && !record.is_newer_than(newest->record)) continue;
      auto parsed = spec::parse(record.document, "repld.cluster", "/");
      if (!parsed.ok() || parsed.clusters.size() != 1) continue;
      const auto& nodes = parsed.clusters.front().nodes;
      if (std::any_of(nodes.begin(), nodes.end(), [&](const NodeSpec& n) { return is_at(n.address, server, found); })) {
        newest = Recorded{record, std::move(parsed.clusters.front())};
      }
    }
  }
  return newest;
}

Description from_record(Recorded recorded, const Findings& found, const Order& order) {
  Description out{.spec = std::move(recorded.spec), .view = {}, .record = std::move(recorded.record)};
  auto& spec = out.spec;
  const bool observed_before = spec.observes();
  spec.management = Management::Observe;
  spec.accounts[AccountRole::Admin] = order.admin;
  if (!observed_before) out.notes.push_back("before, it was managed in full");
  out.unreached = found.unreached;
  std::vector<Observation> seen;
  std::set<std::string> known;
  std::optional<NodeId> writes;  ///< Follows nobody and is followed: the primary, whoever it was then.
  for (const auto& node : spec.nodes) {
    Observation observation{.node = node.id, .latest = {}, .reached = {}};
    if (const auto* server = server_of(node, found)) {
      auto snapshot = server->now;
      snapshot.node = node.id;
      known.insert(snapshot.server_uuid);
      if (!follows(snapshot) && snapshot.read_only == ReadOnly::Off) writes = writes ? writes : node.id;
      observation.latest = observation.reached = snapshot;
      observation.inventory = snapshot.inventory;
    }
    seen.push_back(std::move(observation));
  }
  out.view = View{Time{}, std::move(seen)};
  for (const auto& server : found.servers) {
    if (known.contains(server.now.server_uuid)) continue;
    out.notes.push_back(fmt::format("{} was found and is no node of what is kept", to_string(server.reached)));
  }
  if (spec.topology == TopologyType::SourceReplica) {
    const auto primary = writes ? writes : out.record->primary;
    if (primary && spec.find(*primary) != nullptr && spec.declared_source() != spec.find(*primary)) {
      out.notes.push_back(fmt::format("{} is the primary now, and so the source in this file", *primary));
      for (auto& node : spec.nodes) {
        const bool source = node.id == *primary;
        node.type = source ? NodeType::Source : NodeType::Replica;
        if (source) node.follows.reset();
        // What followed it as an intermediate source follows the primary by that name still.
        if (node.follows == *primary) node.follows.reset();
      }
    }
  }
  out.differences = plan::compare(spec, Office{}, nullptr, out.view).differences;
  return out;
}

}  // namespace

std::vector<std::string> variables_to_look_at() {
  std::set<std::string> names;
  for (const auto topology : {TopologyType::SourceReplica, TopologyType::Circular, TopologyType::GroupMultiPrimary}) {
    Spec spec{.topology = topology};
    spec.nodes.push_back({.id = {"any"}});
    for (const auto positioning : {Positioning::Gtid, Positioning::Binlog}) {
      spec.positioning = positioning;
      for (auto& name : plan::variables_to_look_at(spec)) names.insert(std::move(name));
    }
  }
  return {names.begin(), names.end()};
}

Result<Description> describe(const Findings& found, const Order& order) {
  if (auto recorded = newest_record(found, order)) return from_record(std::move(*recorded), found, order);
  return Describer{found, order}.describe();
}

}  // namespace repl::adopt
