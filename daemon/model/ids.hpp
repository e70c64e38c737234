// Names of things, each with a type of its own so that a cluster is never passed where a node is meant.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>

namespace repl {

/// A point in time as decisions see it: wall-clock time at the start of the process plus steady time since, so it never
/// jumps within a process and survives restarts approximately. Virtual in the simulator.
using Time = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;
using Duration = std::chrono::microseconds;

/// Name of a cluster: [a-z0-9-], unique in a repld.
struct ClusterId {
  std::string name;
  auto operator<=>(const ClusterId&) const = default;
};

/// Name of a node, unique within its cluster.
struct NodeId {
  std::string name;
  auto operator<=>(const NodeId&) const = default;
};

/// Where a server listens.
struct Address {
  std::string host;
  std::uint16_t port = 3306;
  auto operator<=>(const Address&) const = default;
};

/// Grows by one with every change of the primary; an action carries the term it was decided in.
struct Term {
  std::uint64_t number = 0;
  auto operator<=>(const Term&) const = default;
};

/// One execution of a plan; appears in every log line, event and error it causes. Format: "<cluster>-<counter>".
struct OperationId {
  std::string value;
  auto operator<=>(const OperationId&) const = default;
};

/// One applied spec, counted from 1 within its cluster; 0: none applied yet.
struct Revision {
  std::uint64_t number = 0;
  auto operator<=>(const Revision&) const = default;
};

/// "host:port", an IPv6 host in brackets.
inline std::string to_string(const Address& a) {
  return a.host.find(':') == std::string::npos ? fmt::format("{}:{}", a.host, a.port)
                                               : fmt::format("[{}]:{}", a.host, a.port);
}

}  // namespace repl

template <>
struct fmt::formatter<repl::NodeId> : fmt::formatter<std::string_view> {
  auto format(const repl::NodeId& id, format_context& ctx) const {
    return fmt::formatter<std::string_view>::format(id.name, ctx);
  }
};
template <>
struct fmt::formatter<repl::ClusterId> : fmt::formatter<std::string_view> {
  auto format(const repl::ClusterId& id, format_context& ctx) const {
    return fmt::formatter<std::string_view>::format(id.name, ctx);
  }
};
template <>
struct fmt::formatter<repl::OperationId> : fmt::formatter<std::string_view> {
  auto format(const repl::OperationId& id, format_context& ctx) const {
    return fmt::formatter<std::string_view>::format(id.value, ctx);
  }
};
