// Properties that hold for every spec that breaks no rule.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "spec/diff.hpp"
#include "spec/parse.hpp"
#include "spec/to_yaml.hpp"

namespace repl::spec {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

int some(int least, int most) {
  return *rc::gen::inRange(least, most + 1);
}
bool coin() {
  return some(0, 1) == 1;
}

template <class T>
T one(std::vector<T> of) {
  return of[static_cast<std::size_t>(some(0, static_cast<int>(of.size()) - 1))];
}

milliseconds some_ms(int least, int most) {
  return milliseconds{some(least, most)};
}
seconds some_s(int least, int most) {
  return seconds{some(least, most)};
}

/// Texts that a careless writer of YAML would spoil.
std::string some_text() {
  if (coin()) {
    return one<std::string>({"",     "~",   "null", "true", "no",  "ON",     "off", "64M", "1e3", "0x1F", "- a", "a: b",
                             "a #b", "#",   "'",    "\"",   "\\",  "{ a }",  "[a",  "*a",  "&a",  "!a",   "%a",  "@a",
                             "`a`",  "| a", "> a",  ": ",   " a ", "Zürich", "---", "...", "<<",  "a,b",  "=",   "?"});
  }
  std::string out;
  for (int i = some(0, 12); i > 0; --i)
    out += one<std::string>({"a", "B", "0", " ", ":", "#", "\"", "'", "\\", "é", ",", "-", "{", "]"});
  return out;
}

std::map<std::string, std::string> some_settings() {
  std::map<std::string, std::string> out;
  for (int i = some(0, 3); i > 0; --i) {
    const auto name = one<std::string>({"max_connections", "sql_mode", "sync_binlog", "validate_password.policy"});
    auto value = some_text();
    // Not in quotes these would be taken for ON, OFF and a number; to_yaml() has to see to that.
    out[name] = std::move(value);
  }
  return out;
}

SecretRef some_secret() {
  switch (some(0, 2)) {
    case 0:
      return {SecretRef::Kind::File, "/" + one<std::string>({"etc/repld/admin", "a b/c", "é/x:y #z"})};
    case 1:
      return {SecretRef::Kind::Env, one<std::string>({"A", "_b1", "MONITOR_PASSWORD"})};
    default:
      return {SecretRef::Kind::Exec, "echo " + some_text()};
  }
}

Spec some_spec() {
  Spec spec{.cluster = {one<std::string>({"shop", "a", "0", "eu-1", "null"})}};
  const int replicas = some(1, 9);
  const int source = some(0, replicas);
  for (int i = 0; i <= replicas; ++i) {
    NodeSpec node;
    node.id = {one<std::string>({"db", "n.", "X_", "0"}) + std::to_string(i)};
    node.address = {one<std::string>({"10.0.0.1", "fd00::1", "db.example"}), static_cast<std::uint16_t>(3306 + i)};
    node.type = i == source ? NodeType::Source : NodeType::Replica;
    node.region = some_text();
    node.read_weight = some(0, 1000);
    node.settings = some_settings();
    if (i != source) {
      if (some(0, 3) == 0) node.delay = some_s(1, 365 * 86400);
      node.promotion = one<Promotion>({Promotion::Neutral, Promotion::Avoid, Promotion::Never});
      if (node.delay.count() == 0 && coin()) node.promotion = Promotion::Prefer;
      if (i > 0 && coin()) node.follows = spec.nodes[static_cast<std::size_t>(some(0, i - 1))].id;  // never a circle
    }
    spec.nodes.push_back(std::move(node));
  }
  const auto ackers = static_cast<int>(spec.ackers(spec.declared_source()->id).size());
  if (ackers > 0 && coin()) {
    spec.sync.mode = one<DataSyncType>({DataSyncType::SemiSync, DataSyncType::Sync});
    if (spec.sync.mode == DataSyncType::SemiSync) spec.sync.acks = some(1, ackers);
    spec.sync.on_too_few = one<OnTooFewReplicas>({OnTooFewReplicas::Wait, OnTooFewReplicas::DegradeToAsync});
    spec.sync.timeout = some_ms(10, 86'400'000);
  }
  const std::vector<std::string> users{"a", "repl_admin", "x.y-z$", "root", "null"};
  const auto first = some(0, 4);
  for (const auto role :
       {AccountRole::Admin, AccountRole::Replication, AccountRole::Monitoring, AccountRole::Application}) {
    if (role > AccountRole::Replication && coin()) continue;
    auto& account = spec.accounts[role];
    account.user = users[static_cast<std::size_t>((first + static_cast<int>(role)) % 5)];
    account.password = some_secret();
    if (role == AccountRole::Application && coin()) account.schemas = {"shop", "a b", "null", "#1"};
  }
  spec.tls.mode = one<TlsMode>(
      {TlsMode::Disabled, TlsMode::Preferred, TlsMode::Required, TlsMode::VerifyCa, TlsMode::VerifyIdentity});
  if (spec.tls.verifies() || (spec.tls.mode == TlsMode::Required && coin())) spec.tls.ca = "/certs/ca file.pem";
  if (coin()) {
    spec.network.compression = one<Compression>({Compression::Zlib, Compression::Zstd});
    const auto elsewhere = [&](const NodeSpec& n) { return !n.region.empty() && n.region != spec.nodes[0].region; };
    const bool apart = std::any_of(spec.nodes.begin(), spec.nodes.end(), elsewhere);
    if (apart && coin()) spec.network.scope = CompressionScope::CrossRegion;
    if (spec.network.compression == Compression::Zstd) spec.network.zstd_level = some(1, 22);
  }
  if (coin()) spec.password_policy.min_length = some(4, 64);
  if (coin()) spec.password_policy.history = some(1, 65535);
  if (coin()) spec.password_policy.expire_after = std::chrono::hours{24 * some(1, 3650)};
  if (coin()) {
    spec.password_policy.max_failed_logins = some(3, 32767);
    spec.password_policy.lock_for = std::chrono::hours{24 * some(1, 3650)};
  }
  auto& f = spec.failover;
  f.automatic = coin();
  f.detection = {some_ms(100, 60'000), some_ms(20, 30'000), some(1, 20)};
  f.blocked_after = some_ms(1000, 3'600'000);
  f.fencing = one<FencingMode>({FencingMode::Auto, FencingMode::None});
  if (spec.waits_for_acks() && coin()) f.fencing = FencingMode::SemiSync;
  f.max_lag = some_s(0, 30 * 86400);
  f.min_replicas = some(1, replicas);
  f.cross_region = coin();
  f.cooldown = some_s(0, 365 * 86400);
  f.per_day = some(1, 1000);
  f.rejoin = one<Rejoin>({Rejoin::Never, Rejoin::IfClean, Rejoin::CloneIfErrant});
  spec.management = one<Management>({Management::Full, Management::Observe});
  spec.drift = one<Drift>({Drift::Repair, Drift::Report});
  spec.provisioning = one<Provisioning>({Provisioning::Clone, Provisioning::None});
  spec.settings = some_settings();
  spec.alert_lag = some_ms(100, 2'000'000'000);
  if (coin()) spec.consistency.checksum_every = some_s(60, 365 * 86400);
  if (coin()) spec.consistency.schemas = {"shop", "a b"};
  if (coin()) {
    spec.hooks = {{"fence.sh", "/etc/repld/hooks/stonith"}, {}, {"ask"}, {"tell", "tell"}, some_ms(100, 600'000)};
    if (coin()) f.fencing = FencingMode::Hook;
  }
  return spec;
}

RC_GTEST_PROP(ToYaml, IsReadBackAsTheSameSpec, ()) {
  const auto spec = some_spec();
  const auto text = to_yaml(spec);
  RC_LOG() << text;
  const auto parsed = parse(text, "round-trip", "/elsewhere");
  for (const auto& error : parsed.errors) RC_LOG() << to_string(error) << "\n";
  RC_ASSERT(parsed.errors.empty());
  RC_ASSERT(parsed.clusters.size() == 1U);
  RC_ASSERT(diff(spec, parsed.clusters.front()).empty());
  RC_ASSERT(parsed.clusters.front() == spec);
  RC_ASSERT(to_yaml(parsed.clusters.front()) == text);
}

RC_GTEST_PROP(Diff, IsEmptyExactlyForEqualSpecs, ()) {
  const auto before = some_spec();
  const auto after = coin() ? some_spec() : before;
  RC_ASSERT(diff(before, after).empty() == (before == after));
}

RC_GTEST_PROP(Diff, TurnsAroundWithItsArguments, ()) {
  const auto before = some_spec();
  const auto after = some_spec();
  auto back = diff(after, before);
  for (auto& change : back) {
    if (change.sign != '~') change.sign = change.sign == '+' ? '-' : '+';
    std::swap(change.from, change.to);
  }
  auto there = diff(before, after);
  const auto by_path = [](const Change& a, const Change& b) { return a.path < b.path; };
  std::sort(there.begin(), there.end(), by_path);
  std::sort(back.begin(), back.end(), by_path);
  RC_ASSERT(there == back);
}

}  // namespace
}  // namespace repl::spec
