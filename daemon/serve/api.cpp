// Everything that is the same for every call.
#include "serve/api.hpp"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>

#include "model/log_scope.hpp"
#include "serve/metrics.hpp"
#include "serve/route.hpp"
#include "serve/schema.hpp"
#include "serve/schemas.hpp"
#include "serve/shapes.hpp"
#include "spec/duration.hpp"

namespace repl::serve {
namespace {

/// GET's routes answer HEAD too, and the checks OPTIONS, with which some load balancers ask.
bool takes(const Route& route, Method method) {
  if (route.method == method) return true;
  if (route.method != Method::Get) return false;
  return method == Method::Head || (method == Method::Options && route.access == Access::Open);
}

struct Found {
  const Route* route = nullptr;
  std::map<std::string, std::string> path;
  std::string methods;  ///< Of the routes with this path, when none takes the method: "GET, HEAD".
};

Found find_route(Method method, const Target& target) {
  Found found;
  for (const auto& route : routes()) {
    if (!matches(route.pattern, target.segments, found.path)) continue;
    if (takes(route, method)) {
      found.route = &route;
      return found;
    }
    found.methods += fmt::format("{}{}{}", found.methods.empty() ? "" : ", ", to_string(route.method),
                                 route.method == Method::Get ? ", HEAD" : "");
  }
  return found;
}

/// Takes as long for a wrong token as for a right one, whatever their lengths.
bool same_secret(std::string_view a, std::string_view b) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest_a{}, digest_b{};
  ::SHA256(reinterpret_cast<const unsigned char*>(a.data()), a.size(), digest_a.data());
  ::SHA256(reinterpret_cast<const unsigned char*>(b.data()), b.size(), digest_b.data());
  return ::CRYPTO_memcmp(digest_a.data(), digest_b.data(), digest_a.size()) == 0;
}

bool fits(Parameter::Kind kind, const std::string& value) {
  if (kind == Parameter::Kind::Text) return !value.empty();
  if (kind == Parameter::Kind::Duration) return spec::parse_duration(value).has_value();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  return error == std::errc{} && end == value.data() + value.size() && number >= 0;
}

/// A name that may stand in tables and logs; whoever has the token may claim any.
std::string name_of_asker(const std::string& claimed) {
  constexpr std::size_t kLongest = 64;
  const bool fit = !claimed.empty() && claimed.size() <= kLongest &&
                   std::all_of(claimed.begin(), claimed.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  return fit ? claimed : "api";
}

std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const auto& line : lines) all += (all.empty() ? "" : "; ") + line;
  return all;
}

Result<void> check_query(const Route& route, const Target& target) {
  std::vector<std::string> wrong;
  for (const auto& [name, value] : target.query) {
    const auto known =
        std::find_if(route.query.begin(), route.query.end(), [&](const Parameter& p) { return p.name == name; });
    if (known == route.query.end()) {
      wrong.push_back(fmt::format("the parameter '{}' is not known here", name));
    } else if (!fits(known->kind, value)) {
      wrong.push_back(fmt::format("{}: '{}' is no {}", name, value,
                                  known->kind == Parameter::Kind::Whole  ? "whole number"
                                  : known->kind == Parameter::Kind::Text ? "name"
                                                                         : "duration such as 5s or 500ms"));
    }
  }
  if (!wrong.empty()) return fail(ErrorCode::InvalidArgument, "{}", joined(wrong));
  return {};
}

Result<Json> read_body(const Route& route, const std::string& body) {
  if (route.request.empty()) {
    // An empty object is what clients send that always send one.
    if (body.empty() || Json::parse(body, nullptr, false) == Json::object()) return Json(nullptr);
    return fail(ErrorCode::InvalidArgument, "this call takes no body");
  }
  Json json;
  try {
    json = body.empty() ? Json::object() : Json::parse(body);
  } catch (const Json::parse_error& e) {
    return fail(ErrorCode::InvalidArgument, "the body is not JSON: byte {}", e.byte);
  }
  const auto wrong = schema::violations(schema::ref(route.request), json, schemas());
  if (!wrong.empty()) return fail(ErrorCode::InvalidArgument, "{}", joined(wrong));
  return json;
}

}  // namespace

Result<Picture> Call::cluster() const {
  auto state = backend.registry.find(ClusterId{cluster_name()});
  if (state == nullptr) {
    return fail(ErrorCode::NoSuchCluster, "there is no cluster '{}'; `replctl clusters` lists them", cluster_name());
  }
  return Picture(std::move(state), backend.clock());
}

Response json_response(int status, const Json& body) {
  return {.status = status, .body = to_text(body) + "\n"};
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::InvalidArgument:
    case ErrorCode::InvalidSpec:
      return 400;
    case ErrorCode::Unauthorised:
      return 401;
    case ErrorCode::NoSuchCluster:
    case ErrorCode::NoSuchNode:
    case ErrorCode::NoSuchOperation:
    case ErrorCode::NoSuchRevision:
      return 404;
    case ErrorCode::Conflict:
    case ErrorCode::Paused:
      return 409;
    case ErrorCode::NotAReplica:
    case ErrorCode::ErrantTransactions:
    case ErrorCode::Diverged:
    case ErrorCode::NotPromotable:
    case ErrorCode::NotFenced:
    case ErrorCode::QuorumMissing:
    case ErrorCode::PreconditionFailed:
      return 412;
    case ErrorCode::NotSupported:
      return 501;
    case ErrorCode::DeadlineExceeded:
      return 504;
    default:
      return 503;
  }
}

Response error_response(const Error& error) {
  return error_response(status_of(error.code), error);
}

Response error_response(int status, const Error& error) {
  return json_response(status, {{"error", error_json(error)}});
}

Worker Api::worker_for(const Request& request) const {
  const auto target = parse_target(request.target);
  if (!target) return Worker::Look;
  const auto found = find_route(request.method, *target);
  return found.route == nullptr ? Worker::Look : found.route->worker;
}

Response Api::refuse(int status, std::string_view why) {
  backend_.metrics.http_answered("none", status, Duration{0});
  const auto code = status == 503 ? ErrorCode::Conflict : ErrorCode::InvalidArgument;
  return error_response(status, {code, std::string(why)});
}

bool Api::may_call(const Route& route, const Request& request) const {
  constexpr std::string_view kScheme = "Bearer ";
  if (route.access == Access::Open) return true;
  const std::string_view given = request.authorization;
  return given.starts_with(kScheme) && same_secret(given.substr(kScheme.size()), backend_.token);
}

Response Api::answer(const Request& request) {
  const auto began = std::chrono::steady_clock::now();
  std::string_view pattern = "none";
  auto response = [&]() -> Response {
    const auto target = parse_target(request.target);
    if (!target) return error_response(target.error());
    const auto found = find_route(request.method, *target);
    if (found.route != nullptr) {
      pattern = found.route->pattern;
      return answer_by(*found.route, request, *target, found.path);
    }
    if (found.methods.empty()) {
      return error_response(
          404, {ErrorCode::InvalidArgument, fmt::format("there is no call {}; GET /api/v1/openapi.json lists them",
                                                        request.target.substr(0, 200))});
    }
    auto refused = error_response(
        405, {ErrorCode::InvalidArgument,
              fmt::format("{} is not for this call; it takes {}", to_string(request.method), found.methods)});
    refused.headers.emplace_back("Allow", found.methods);
    return refused;
  }();
  const auto took = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - began);
  backend_.metrics.http_answered(pattern, response.status, took);
  spdlog::debug("{} {} answered {} in {:.1f} ms", to_string(request.method), request.target.substr(0, 200),
                response.status, seconds(took) * 1e3);
  return response;
}

Response Api::answer_by(const Route& route, const Request& request, const Target& target,
                        const std::map<std::string, std::string>& path) {
  if (!may_call(route, request)) {
    auto refused =
        error_response({ErrorCode::Unauthorised,
                        "this call needs the token of repld: Authorization: Bearer TOKEN. The token stands in "
                        "the file `token` of its state directory."});
    refused.headers.emplace_back("WWW-Authenticate", "Bearer");
    return refused;
  }
  const auto scope_name = path.find("cluster");
  const LogScope scope(scope_name == path.end() ? "" : scope_name->second);
  try {
    if (auto query = check_query(route, target); !query) return error_response(query.error());
    const auto asked_by = name_of_asker(request.asked_by);
    const auto body = read_body(route, request.body);
    if (!body) return error_response(body.error());
    auto response = route.handler(Call{backend_, path, target.query, *body, asked_by});
    if (!response) {
      if (route.worker == Worker::Change) spdlog::info("{} refused: {}", route.id, response.error().message);
      return error_response(response.error());
    }
    return std::move(*response);
  } catch (const std::exception& e) {
    spdlog::error("{}: {}", route.id, e.what());
    return error_response({ErrorCode::Internal, "repld made a mistake while it answered; its log says more"});
  }
}

}  // namespace repl::serve
