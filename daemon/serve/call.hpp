// One request on its way to its handler, and what handlers work with.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "adopt/findings.hpp"
#include "run/registry.hpp"
#include "serve/http.hpp"
#include "serve/json.hpp"
#include "serve/picture.hpp"
#include "store/store.hpp"

namespace repl::serve {

class Metrics;

/// What the API speaks for. All of it outlives the Api.
struct Backend {
  run::Registry& registry;
  const store::Store& store;
  Metrics& metrics;
  std::function<Time()> clock;  ///< Thread-safe; the one that decisions are made by.
  std::string version;
  std::string token;
  bool serve_metrics = true;
  std::string scratch;  ///< A path in the state directory, for files that are there for a moment.
  std::string hooks_directory{};
  /// Looks at servers that are not known yet: mysql::crawl(). Blocks.
  std::function<Result<adopt::Findings>(const adopt::Order&)> crawl{};
};

struct Call {
  Backend& backend;
  const std::map<std::string, std::string>& path;   ///< Values of {names} in the route's pattern.
  const std::map<std::string, std::string>& query;  ///< Only declared names are in it.
  const Json& body;                                 ///< Fits the route's request schema; null when there is none.
  const std::string& asked_by;                      ///< For revisions, operations and events; never empty.

  const std::string& cluster_name() const { return path.at("cluster"); }
  /// @errors NoSuchCluster
  Result<Picture> cluster() const;
};

using Handler = Result<Response> (*)(const Call&);

Response json_response(int status, const Json& body);
/// docs/api.md, "Errors": the status that belongs to the code.
int status_of(ErrorCode code);
Response error_response(const Error& error);
/// For what is wrong with HTTP itself, where no code of ours says it.
Response error_response(int status, const Error& error);

}  // namespace repl::serve
