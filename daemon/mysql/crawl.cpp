// The way from server to server.
#include "mysql/crawl.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>

#include "mysql/inventory.hpp"
#include "mysql/node_mysql.hpp"
#include "mysql/secrets.hpp"
#include "mysql/server.hpp"
#include "mysql/status_query.hpp"

namespace repl::mysql {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kPerServer = 5s;

/// Somebody speaks of a server with that UUID at one of these addresses.
struct Candidate {
  std::string uuid;  ///< "": whoever answers.
  std::vector<Address> addresses;
  std::string seen_by;
};

/// What one look at one address brings.
struct Looked {
  adopt::Server server;
  std::vector<Candidate> neighbours;
};

std::uint16_t port_in(const Field& field) {
  std::uint16_t port = 0;
  const auto text = field.value_or("");
  std::from_chars(text.data(), text.data() + text.size(), port);
  return port;
}

void add(std::vector<Address>& to, Address address) {
  if (address.host.empty() || address.port == 0) return;
  if (std::find(to.begin(), to.end(), address) == to.end()) to.push_back(std::move(address));
}

class Crawler {
 public:
  Crawler(const adopt::Order& order, std::string password)
      : order_{order}, password_{std::move(password)}, deadline_{steady_clock::now() + kCrawlTime} {
    spec_.accounts[AccountRole::Admin] = order.admin;
    spec_.tls = order.tls;
  }

  adopt::Findings crawl() && {
    for (const auto& address : order_.start) waiting_.push_back({"", {address}, "named by you"});
    while (!waiting_.empty()) {
      if (found_.servers.size() >= adopt::kServersAtMost || steady_clock::now() >= deadline_) {
        found_.cut_short = true;
        break;
      }
      const auto next = std::move(waiting_.front());
      waiting_.pop_front();
      visit(next);
    }
    return std::move(found_);
  }

 private:
  bool is_known(const std::string& uuid) const {
    return std::any_of(found_.servers.begin(), found_.servers.end(),
                       [&](const adopt::Server& s) { return s.now.server_uuid == uuid; });
  }

  void visit(const Candidate& candidate) {
    if (!candidate.uuid.empty() && is_known(candidate.uuid)) return;
    std::string why;
    for (const auto& address : candidate.addresses) {
      const auto& looked = look_at(address);
      if (!looked) {
        if (why.empty()) why = looked.error().message;
        continue;
      }
      const auto& uuid = looked->server.now.server_uuid;
      if (!candidate.uuid.empty() && uuid != candidate.uuid) {
        if (why.empty()) why = fmt::format("another server answers at {}", to_string(address));
        continue;
      }
      if (is_known(uuid)) return;
      found_.servers.push_back(looked->server);
      waiting_.insert(waiting_.end(), looked->neighbours.begin(), looked->neighbours.end());
      return;
    }
    adopt::Unreached unreached{candidate.addresses.empty() ? Address{"?", 0} : candidate.addresses.front(),
                               candidate.seen_by, why.empty() ? "it does not say where it listens" : why};
    const bool told = std::any_of(found_.unreached.begin(), found_.unreached.end(),
                                  [&](const auto& u) { return u.address == unreached.address; });
    if (!told) found_.unreached.push_back(std::move(unreached));
  }

  /// Each address once.
  const Result<Looked>& look_at(const Address& address) {
    const auto known = looked_.find(address);
    if (known != looked_.end()) return known->second;
    auto looked = look_closely(address);
    if (!looked) spdlog::info("adopt: {}", looked.error().message);
    return looked_.emplace(address, std::move(looked)).first->second;
  }

  Result<Looked> look_closely(const Address& address) const {
    const NodeId name{to_string(address)};
    const Endpoint endpoint{.address = address, .user = order_.admin.user, .password = password_, .tls = order_.tls};
    NodeMySQL node{name, endpoint, std::make_shared<NodeCounters>()};
    const Call call{name, std::min(deadline_, steady_clock::now() + kPerServer), nullptr, nullptr};
    auto session = node.open_apart(call, kPerServer);
    if (!session) return tl::unexpected(session.error());
    Server server{**session, call};
    Looked out;
    out.server.reached = address;
    auto status = look(server);
    if (!status) return tl::unexpected(status.error());
    out.server.now = std::move(*status);
    TriedPasswords tried;  // only the admin account is known, which has logged in
    auto inventory = read_inventory(server, spec_, endpoint, adopt::variables_to_look_at(), tried);
    if (!inventory) return tl::unexpected(inventory.error());
    out.server.now.inventory = std::move(*inventory);
    if (auto users = replication_users(server, out.server); !users) return tl::unexpected(users.error());
    if (auto offers = offers_tls(server, out.server); !offers) return tl::unexpected(offers.error());
    sources(out);
    members(out);
    if (auto replicas = this->replicas(server, out); !replicas) return tl::unexpected(replicas.error());
    return out;
  }

  /// All that a probe sees, the variables of loaded plugins included.
  static Result<Snapshot> look(Server& server) {
    auto rows = server.query(status_query({}));
    if (!rows) return tl::unexpected(rows.error());
    if (const auto plugins = plugins_in(*rows); plugins != LoadedPlugins{}) {
      rows = server.query(status_query(plugins));
      if (!rows) return tl::unexpected(rows.error());
    }
    Snapshot snapshot;
    snapshot.reach = Reach::Ok;
    if (const auto read = read_status(*rows, snapshot); !read) return tl::unexpected(read.error());
    return snapshot;
  }

  static Result<void> replication_users(Server& server, adopt::Server& out) {
    const auto rows = server.query(
        "SELECT DISTINCT USER FROM performance_schema.replication_connection_configuration WHERE USER<>'' AND "
        "CHANNEL_NAME<>'group_replication_applier' ORDER BY USER");
    if (!rows) return tl::unexpected(rows.error());
    for (const auto& row : *rows) out.replication_users.push_back(row.at(0).value_or(""));
    return {};
  }

  /// Source: MySQL 8.4 Reference Manual, tls_channel_status. A server that does not know the table counts as one that
  /// offers none.
  static Result<void> offers_tls(Server& server, adopt::Server& out) {
    const auto rows = server.query(
        "SELECT VALUE FROM performance_schema.tls_channel_status WHERE CHANNEL='mysql_main' AND PROPERTY='Enabled'");
    if (!rows && server.session().lost()) return tl::unexpected(rows.error());
    out.offers_tls = rows && !rows->empty() && rows->front().at(0) == "Yes";
    return {};
  }

  static void sources(Looked& out) {
    for (const auto& channel : out.server.now.channels) {
      if (channel.source.host == kDetachedHost) continue;
      out.neighbours.push_back(
          {channel.source_uuid, {channel.source}, fmt::format("source of {}", to_string(out.server.reached))});
    }
  }

  static void members(Looked& out) {
    for (const auto& member : out.server.now.group.members) {
      if (member.server_uuid == out.server.now.server_uuid) continue;
      Candidate candidate{member.server_uuid, {}, fmt::format("in the group of {}", to_string(out.server.reached))};
      add(candidate.addresses, member.address);
      // A member that names itself by a host name that nobody else knows.
      add(candidate.addresses, {out.server.reached.host, member.address.port});
      out.neighbours.push_back(std::move(candidate));
    }
  }

  /// Source: MySQL 8.4 Reference Manual, SHOW REPLICAS: Server_Id, Host, Port, Source_Id, Replica_UUID. The port is the
  /// replica's own where it reports none; the host is "" then.
  static Result<void> replicas(Server& server, Looked& out) {
    const auto registered = server.query("SHOW REPLICAS");
    if (!registered) return tl::unexpected(registered.error());
    const auto dumps = server.query(
        "SELECT PROCESSLIST_HOST FROM performance_schema.threads WHERE PROCESSLIST_COMMAND IN "
        "('Binlog Dump GTID','Binlog Dump')");
    if (!dumps) return tl::unexpected(dumps.error());
    const auto of = fmt::format("follows {}", to_string(out.server.reached));
    for (const auto& row : *registered) {
      const auto port = port_in(row.at(2));
      Candidate candidate{row.at(4).value_or(""), {}, of};
      add(candidate.addresses, {row.at(1).value_or(""), port});
      for (const auto& dump : *dumps) add(candidate.addresses, {dump.at(0).value_or(""), port});
      out.neighbours.push_back(std::move(candidate));
    }
    for (std::size_t i = registered->size(); i < dumps->size(); ++i) {
      out.neighbours.push_back({"none", {}, fmt::format("{} from {}", of, (*dumps)[i].at(0).value_or("?"))});
    }
    return {};
  }

  const adopt::Order& order_;
  const std::string password_;
  const Deadline deadline_;
  Spec spec_;
  adopt::Findings found_;
  std::deque<Candidate> waiting_;
  std::map<Address, Result<Looked>> looked_;
};

}  // namespace

Result<adopt::Findings> crawl(const adopt::Order& order) {
  auto password = resolve_secret(order.admin.password);
  if (!password) return tl::unexpected(password.error());
  return Crawler{order, std::move(*password)}.crawl();
}

}  // namespace repl::mysql
