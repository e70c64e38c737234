// A whole API over the values of shop.hpp and a real store.
#pragma once

#include "../temporary_directory.hpp"
#include "serve/api.hpp"
#include "serve/metrics.hpp"
#include "shop.hpp"

namespace repl::serve {

inline constexpr auto kToken = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The topology of shop.hpp as a file, which has no secrets that would have to be there.
inline std::string shop_document(const std::string& changed = {}) {
  return "apiVersion: replctl/v1\nname: shop\ntopology: source-replica\nsync: {mode: semi-sync, acks: 1}\n"
         "nodes:\n"
         "  - {name: db1, host: 10.0.0.1, port: 3301, type: source}\n"
         "  - {name: db2, host: 10.0.0.1, port: 3302}\n"
         "  - {name: db3, host: 10.0.0.1, port: 3303}\n"
         "accounts:\n"
         "  admin: {user: admin, password: {env: ADMIN_PASSWORD}}\n"
         "  replication: {user: replica, password: {env: REPLICA_PASSWORD}}\n" +
         changed;
}

/// A chain of three that somebody has built by hand, as a crawl finds it: 10.0.0.2:3401, with 3402 and 3403 below.
inline adopt::Findings found_by_hand() {
  adopt::Findings found;
  for (std::uint16_t i = 1; i <= 3; ++i) {
    auto now = i == 1 ? shop::primary() : Snapshot{.reach = Reach::Ok, .read_only = ReadOnly::Super};
    now.node = {};
    now.server_uuid = fmt::format("{0}{0}{0}{0}{0}{0}{0}{0}-71ca-11e1-9e33-c80aa9429562", i);
    now.version = {9, 7, 4};
    now.semi_sync = {};
    now.inventory = Inventory{.variables = {{"replica_net_timeout", "60"}}};
    if (i > 1) {
      now.channels.push_back({.source = {"10.0.0.2", static_cast<std::uint16_t>(3400 + i - 1)}});
    }
    found.servers.push_back({{"10.0.0.2", static_cast<std::uint16_t>(3400 + i)}, now, {"by_hand"}});
  }
  found.unreached.push_back({{"10.0.0.9", 3306}, "follows 10.0.0.2:3401", "Access denied"});
  return found;
}

struct World {
  Result<adopt::Findings> found = found_by_hand();  ///< Whatever is asked for.
  std::vector<adopt::Order> crawled;
  TemporaryDirectory directory;
  std::unique_ptr<store::Store> store = store::Store::open(directory / "store.db").value();
  shop::Registry registry;
  Metrics metrics{"1.2.3"};
  Api api{Backend{.registry = registry,
                  .store = *store,
                  .metrics = metrics,
                  .clock = [] { return shop::kNow; },
                  .version = "1.2.3",
                  .token = kToken,
                  .scratch = directory / "store.copy",
                  .hooks_directory = directory / "hooks",
                  .crawl = [this](const adopt::Order& order) -> Result<adopt::Findings> {
                    crawled.push_back(order);
                    return found;
                  }}};

  World() { registry.set(shop::Shop{}); }

  Response ask(Method method, const std::string& target, const std::string& body = {}) {
    return api.answer(
        {.method = method, .target = target, .authorization = std::string("Bearer ") + kToken, .body = body});
  }
};

}  // namespace repl::serve
