// Topologies as somebody has built them by hand, and what a crawl finds of them. Header only.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "adopt/describe.hpp"
#include "unit/support/cluster.hpp"

namespace repl::test {

inline adopt::Order order_of() {
  return {.start = {address_of({"a"})},
          .name = std::nullopt,
          .admin = {"root_of_all", {SecretRef::Kind::File, "/secrets/admin"}, {}},
          .tls = {}};
}

/// A server as it comes out of the box: no plugin that nobody has asked for, nothing persisted.
inline adopt::Server plain_server(const std::string& name) {
  Seen seen{name};
  seen.writable().not_persisted().executed("A:1-100");
  auto& now = seen.now();
  now.node = {};
  now.semi_sync = SemiSync{};
  now.inventory = Inventory{};
  now.inventory->user_schemas = {"shop"};
  now.inventory->variables = {
      {"replica_net_timeout", "60"}, {"auto_increment_increment", "1"}, {"auto_increment_offset", "1"}};
  return {address_of({name}), now, {}};
}

struct Found : adopt::Findings {
  /// Servers of these names that have nothing to do with each other.
  explicit Found(const std::string& names) {
    for (const auto& name : words(names)) servers.push_back(plain_server(name));
  }
  adopt::Server& operator[](const std::string& name) {
    for (auto& s : servers) {
      if (s.now.server_uuid == uuid(letter_of(name))) return s;
    }
    throw std::invalid_argument{"no server " + name};
  }
  Snapshot& now(const std::string& name) { return (*this)[name].now; }
  std::string& variable(const std::string& name, const std::string& variable) {
    return now(name).inventory->variables[variable];
  }
  Found& follows(const std::string& replica, const std::string& source, ReadOnly read_only = ReadOnly::On) {
    Seen seen{replica};
    seen.follow(source);
    now(replica).channels = seen.now().channels;
    now(replica).read_only = read_only;
    (*this)[replica].replication_users = {"repl"};
    return *this;
  }
  /// Each follows the one before it, the first the last.
  Found& ring(const std::string& names) {
    const auto all = words(names);
    for (std::size_t i = 0; i < all.size(); ++i) {
      follows(all[i], all[(i + all.size() - 1) % all.size()], ReadOnly::Off);
      variable(all[i], "auto_increment_increment") = std::to_string(all.size());
      variable(all[i], "auto_increment_offset") = std::to_string(i + 1);
    }
    return *this;
  }
  Found& group(const std::string& names, const std::string& primary, const std::string& group_name = "the-group") {
    std::vector<GroupMember> members;
    for (const auto& name : words(names)) {
      members.push_back(
          {uuid(letter_of(name)), address_of({name}), MemberState::Online, primary.empty() || name == primary});
    }
    for (const auto& name : words(names)) {
      auto& s = now(name);
      s.group = {.plugin = true, .name = group_name, .single_primary = !primary.empty(), .members = members};
      s.read_only = primary.empty() || name == primary ? ReadOnly::Off : ReadOnly::Super;
      auto& v = s.inventory->variables;
      v["group_replication_member_expel_timeout"] = "5";
      v["group_replication_unreachable_majority_timeout"] = "0";
      v["group_replication_consistency"] = "EVENTUAL";
      v["group_replication_member_weight"] = "50";
      (*this)[name].replication_users = {"repl"};
    }
    return *this;
  }
};

inline Found chain() {
  return Found{"a b c d"}.follows("b", "a").follows("c", "b").follows("d", "c");
}

inline adopt::Description described(const Found& found, const adopt::Order& order = order_of()) {
  auto description = adopt::describe(found, order);
  if (!description) {
    ADD_FAILURE() << description.error().message;
    return {};
  }
  return *description;
}

inline std::vector<std::string> names_of(const Spec& spec) {
  std::vector<std::string> out;
  for (const auto& node : spec.nodes) out.push_back(node.id.name);
  return out;
}

inline bool any_has(const std::vector<std::string>& texts, const std::string& part) {
  return std::any_of(texts.begin(), texts.end(),
                     [&](const std::string& t) { return t.find(part) != std::string::npos; });
}

}  // namespace repl::test
