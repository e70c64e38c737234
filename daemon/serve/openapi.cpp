// From rows to path items.
#include "serve/openapi.hpp"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "serve/route.hpp"
#include "serve/schema.hpp"
#include "serve/schemas.hpp"

namespace repl::serve {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

Json parameters(const Route& route) {
  Json list = Json::array();
  for (std::size_t at = 0; (at = route.pattern.find('{', at)) != std::string_view::npos; ++at) {
    const auto name = route.pattern.substr(at + 1, route.pattern.find('}', at) - at - 1);
    list.push_back({{"name", name}, {"in", "path"}, {"required", true}, {"schema", schema::text()}});
  }
  for (const auto& parameter : route.query) {
    list.push_back(
        {{"name", parameter.name},
         {"in", "query"},
         {"required", false},
         {"description", parameter.meaning},
         {"schema", parameter.kind == Parameter::Kind::Whole ? schema::at_least(schema::whole(), 0) : schema::text()}});
  }
  return list;
}

Json content(std::string_view type, Json schema) {
  return {{type, {{"schema", std::move(schema)}}}};
}

Json responses(const Route& route) {
  Json all = Json::object();
  for (const auto& outcome : route.outcomes) {
    Json response = {{"description", outcome.meaning}};
    if (!outcome.schema.empty()) {
      response["content"] = content("application/json", schema::ref(outcome.schema));
    } else if (outcome.status != 204) {
      response["content"] = content(
          route.content_type, route.content_type == "application/json" ? Json{{"type", "object"}} : schema::text());
    }
    all[std::to_string(outcome.status)] = std::move(response);
  }
  all["default"] = {{"description", "it failed; `code` says how"},
                    {"content", content("application/json", schema::ref("Failure"))}};
  return all;
}

Json operation(const Route& route) {
  Json json = {{"operationId", route.id}, {"summary", route.summary}};
  if (route.access == Access::Open) json["security"] = Json::array();
  if (auto list = parameters(route); !list.empty()) json["parameters"] = std::move(list);
  if (!route.request.empty()) {
    json["requestBody"] = {{"required", true}, {"content", content("application/json", schema::ref(route.request))}};
  }
  json["responses"] = responses(route);
  return json;
}

}  // namespace

Json openapi_document(std::string_view version) {
  Json paths = Json::object();
  for (const auto& route : routes())
    paths[std::string(route.pattern)][lower(to_string(route.method))] = operation(route);
  return {
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "repld"}, {"version", version}, {"description", "Keeps MySQL replication topologies as declared."}}},
      {"security", Json::array({{{"token", Json::array()}}})},
      {"paths", std::move(paths)},
      {"components",
       {{"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}}, {"schemas", schemas()}}}};
}

}  // namespace repl::serve
