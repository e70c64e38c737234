// What was found of a topology that repld does not know yet: the servers that could be reached from those that somebody
// named, and those that could not. Values only; mysql/crawl.* fills them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/snapshot.hpp"
#include "model/spec.hpp"

namespace repl::adopt {

/// What somebody asks to be taken up.
struct Order {
  std::vector<Address> start;
  std::optional<ClusterId> name;  ///< Empty: what the servers keep, else "adopted".
  Account admin;                  ///< On every server the same.
  TlsSpec tls;
};

struct Server {
  Address reached;                             ///< Where it answered; others may have other names for it.
  Snapshot now;                                ///< With an inventory; its `node` means nothing.
  std::vector<std::string> replication_users;  ///< With which its channels log in at their sources.
  bool offers_tls = true;
  bool operator==(const Server&) const = default;
};

/// A server that another one speaks of.
struct Unreached {
  Address address;
  std::string seen_by;  ///< "source of 10.0.0.2:3306".
  std::string why;
  bool operator==(const Unreached&) const = default;
};

struct Findings {
  std::vector<Server> servers;  ///< In the order in which they were found.
  std::vector<Unreached> unreached;
  bool cut_short = false;  ///< There was more than a crawl may look at, or more than it had time for.
  bool operator==(const Findings&) const = default;
};

/// More servers are not looked at: far beyond what a file may hold.
inline constexpr std::size_t kServersAtMost = 100;

/// The server variables that a description needs to know of each server.
std::vector<std::string> variables_to_look_at();

}  // namespace repl::adopt
