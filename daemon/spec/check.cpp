// Comparing addresses across clusters, and asking the file system for permission bits.
#include "spec/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <optional>

#include "model/spec_text.hpp"

namespace repl::spec {
namespace {

namespace fs = std::filesystem;

bool same_server(const Address& a, const Address& b) {
  return a.port == b.port && std::equal(a.host.begin(), a.host.end(), b.host.begin(), b.host.end(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
         });
}

enum class Holds { Secrets, NoSecrets };

/// What others may do with the file that they must not, in words; empty: nothing, or there is no such file.
std::optional<std::string> open_to_others(const fs::path& file, Holds holds) {
  std::error_code error;
  const auto status = fs::status(file, error);
  if (error || !fs::exists(status)) return std::nullopt;
  const bool read = holds == Holds::Secrets && (status.permissions() & fs::perms::others_read) != fs::perms::none;
  const bool write = (status.permissions() & fs::perms::others_write) != fs::perms::none;
  if (!read && !write) return std::nullopt;
  return fmt::format("{} may be {} by every user of this machine (mode {:o}): chmod {} {}", file.string(),
                     read && write ? "read and written"
                     : read        ? "read"
                                   : "written",
                     static_cast<unsigned>(status.permissions() & fs::perms::mask),
                     holds == Holds::Secrets ? "600" : "o-w", file.string());
}

}  // namespace

std::vector<Detail> check_against(const Spec& spec, std::span<const Spec> others, std::string_view file,
                                  const Located& located) {
  std::vector<Detail> out;
  for (std::size_t i = 0; i < spec.nodes.size(); ++i) {
    for (const auto& other : others) {
      if (other.cluster == spec.cluster || spec.nodes[i].address.host.empty()) continue;
      for (const auto& node : other.nodes) {
        if (!same_server(node.address, spec.nodes[i].address)) continue;
        const auto at = i < located.nodes.size() ? located.nodes[i] : Mark{};
        out.push_back({std::string{file}, at.line, at.column,
                       fmt::format("nodes.host: {} is node \"{}\" of cluster \"{}\" already: a server belongs to one "
                                   "cluster",
                                   to_string(node.address), node.id, other.cluster)});
      }
    }
  }
  return out;
}

std::vector<Detail> check_against(const Spec& spec, std::span<const Spec> others) {
  return check_against(spec, others, spec.cluster.name, Located{});
}

std::vector<Detail> check_against(const Parsed& parsed, std::span<const Spec> others) {
  std::vector<Detail> out;
  for (std::size_t i = 0; i < parsed.clusters.size(); ++i) {
    const auto found = check_against(parsed.clusters[i], others, parsed.file, parsed.located[i]);
    out.insert(out.end(), found.begin(), found.end());
  }
  return out;
}

std::vector<std::string> check_permissions(const Spec& spec) {
  std::vector<std::string> out;
  for (const auto& [role, account] : spec.accounts) {
    if (account.password.kind != SecretRef::Kind::File) continue;
    if (const auto wrong = open_to_others(account.password.value, Holds::Secrets)) {
      out.push_back(fmt::format("{}: accounts.{}.password: {}", spec.cluster, to_string(role), *wrong));
    }
  }
  return out;
}

std::vector<Detail> check_permissions(std::string_view topology_file, const Parsed& parsed) {
  std::vector<Detail> out;
  if (!topology_file.empty()) {
    if (const auto wrong = open_to_others(fs::path{topology_file}, Holds::NoSecrets))
      out.push_back({parsed.file, 0, 0, *wrong});
  }
  for (std::size_t i = 0; i < parsed.clusters.size(); ++i) {
    for (const auto& [role, account] : parsed.clusters[i].accounts) {
      if (account.password.kind != SecretRef::Kind::File) continue;
      const auto wrong = open_to_others(account.password.value, Holds::Secrets);
      if (!wrong) continue;
      const auto at = parsed.located[i].passwords.at(role);
      out.push_back(
          {parsed.file, at.line, at.column, fmt::format("accounts.{}.password: {}", to_string(role), *wrong)});
    }
  }
  return out;
}

}  // namespace repl::spec
