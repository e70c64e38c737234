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

struct World {
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
                  .scratch = directory / "store.copy"}};

  World() { registry.set(shop::Shop{}); }

  Response ask(Method method, const std::string& target, const std::string& body = {}) {
    return api.answer(
        {.method = method, .target = target, .authorization = std::string("Bearer ") + kToken, .body = body});
  }
};

}  // namespace repl::serve
