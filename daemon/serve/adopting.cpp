// The call that describes a topology which is not managed yet.
#include <charconv>
#include <nlohmann/json.hpp>

#include "adopt/describe.hpp"
#include "model/snapshot_text.hpp"
#include "model/spec_text.hpp"
#include "serve/handlers.hpp"
#include "serve/shapes.hpp"

namespace repl::serve {
namespace {

constexpr std::uint16_t kDefaultPort = 3306;
constexpr std::size_t kNamedAtMost = 20;

/// "db1", "db1:3307", "[fe80::1]:3307".
Result<Address> address_in(const std::string& text) {
  const auto wrong = [&] {
    return fail(ErrorCode::InvalidArgument, "servers: '{}' is no host:port, such as 10.0.0.11:3306", text);
  };
  Address out{text, kDefaultPort};
  auto colon = text.rfind(':');
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string::npos) return wrong();
    out.host = text.substr(1, end - 1);
    colon = end + 1 < text.size() ? end + 1 : std::string::npos;
    if (colon != std::string::npos && text[colon] != ':') return wrong();
  } else if (colon != std::string::npos && text.find(':') == colon) {
    out.host = text.substr(0, colon);
  } else {
    colon = std::string::npos;
  }
  if (colon != std::string::npos) {
    const auto* begin = text.data() + colon + 1;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(begin, end, out.port);
    if (error != std::errc{} || stop != end || out.port == 0) return wrong();
  }
  const bool plain = std::all_of(out.host.begin(), out.host.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (out.host.empty() || !plain) return wrong();
  return out;
}

Result<SecretRef> password_in(const Json& json) {
  if (json.size() != 1) {
    return fail(ErrorCode::InvalidArgument, "admin.password: one of file, env and exec, and no password itself");
  }
  SecretRef out{*secret_kind_from(json.begin().key()), json.begin().value().get<std::string>()};
  if (out.value.empty()) return fail(ErrorCode::InvalidArgument, "admin.password: has no value");
  if (out.kind == SecretRef::Kind::File && out.value.front() != '/') {
    return fail(ErrorCode::InvalidArgument, "admin.password.file: '{}' is not absolute", out.value);
  }
  return out;
}

Result<adopt::Order> order_in(const Json& body) {
  adopt::Order out;
  for (const auto& server : body.at("servers")) {
    auto address = address_in(server.get<std::string>());
    if (!address) return tl::unexpected(address.error());
    out.start.push_back(std::move(*address));
  }
  if (out.start.empty() || out.start.size() > kNamedAtMost) {
    return fail(ErrorCode::InvalidArgument, "servers: 1 to {} of them", kNamedAtMost);
  }
  out.admin.user = body.at("admin").at("user").get<std::string>();
  if (out.admin.user.empty()) return fail(ErrorCode::InvalidArgument, "admin.user: has no value");
  auto password = password_in(body.at("admin").at("password"));
  if (!password) return tl::unexpected(password.error());
  out.admin.password = std::move(*password);
  if (body.contains("tls")) {
    const auto& tls = body.at("tls");
    if (tls.contains("mode")) out.tls.mode = *tls_mode_from(tls.at("mode").get<std::string>());
    out.tls.ca = tls.value("ca", std::string());
  }
  if (body.contains("name")) out.name = ClusterId{body.at("name").get<std::string>()};
  return out;
}

/// What a node is by what was found of it, not by the file.
std::string_view role_of(const Spec& spec, const Snapshot* now) {
  if (now == nullptr) return "unknown";
  if (spec.several_writers()) return "primary";
  if (spec.is_group()) {
    const auto* self = now->group.find(now->server_uuid);
    return self == nullptr ? "unknown" : self->primary ? "primary" : "secondary";
  }
  return now->channel() == nullptr || now->channel()->source.host == kDetachedHost ? "primary" : "replica";
}

Json node_json(const adopt::Description& found, const NodeSpec& node) {
  const auto* now = found.view.reachable(node.id);
  const auto* channel = now == nullptr ? nullptr : now->channel();
  Json source = nullptr;
  if (channel != nullptr && channel->source.host != kDetachedHost) {
    const auto* known = found.spec.find(channel->source);
    source = known == nullptr ? to_string(channel->source) : known->id.name;
  }
  return {{"name", node.id.name},
          {"address", to_string(node.address)},
          {"reached", now != nullptr},
          {"role", role_of(found.spec, now)},
          {"source", std::move(source)},
          {"version",
           now == nullptr ? "" : fmt::format("{}.{}.{}", now->version.major, now->version.minor, now->version.patch)},
          {"readOnly", now == nullptr ? Json(nullptr) : Json(to_string(now->read_only))},
          {"delaySeconds", channel == nullptr ? 0 : channel->delay.count()}};
}

/// A server belongs to one cluster, and what is managed already is not described anew.
Result<void> not_managed(const run::Registry& registry, const Spec& spec, const adopt::Findings& found) {
  for (const auto& state : registry.clusters()) {
    const auto& managed = state->memory.spec;
    if (!managed) continue;
    const auto refuse = [&](const Address& address, const NodeSpec& node) {
      return fail(ErrorCode::Conflict, "{} is managed already, as {} of cluster {}: `replctl show {}` prints its file",
                  to_string(address), node.id, managed->cluster, managed->cluster);
    };
    for (const auto& node : spec.nodes) {
      if (const auto* known = managed->find(node.address)) return refuse(node.address, *known);
    }
    for (const auto& server : found.servers) {
      if (const auto* known = managed->find(server.reached)) return refuse(server.reached, *known);
    }
  }
  return {};
}

}  // namespace

Result<Response> describe_found(const Call& call) {
  const auto order = order_in(call.body);
  if (!order) return tl::unexpected(order.error());
  const auto findings = call.backend.crawl(*order);
  if (!findings) return tl::unexpected(findings.error());
  const auto found = adopt::describe(*findings, *order);
  if (const auto free = not_managed(call.backend.registry, found ? found->spec : Spec{}, *findings); !free) {
    return tl::unexpected(free.error());
  }
  if (!found) return tl::unexpected(found.error());
  Json recorded = nullptr;
  if (found->record) {
    recorded = {{"term", found->record->term.number}, {"revision", found->record->revision.number}};
  }
  Json nodes = Json::array();
  for (const auto& node : found->spec.nodes) nodes.push_back(node_json(*found, node));
  Json unreached = Json::array();
  for (const auto& other : found->unreached) {
    unreached.push_back({{"address", to_string(other.address)}, {"seenBy", other.seen_by}, {"why", other.why}});
  }
  return json_response(200, {{"cluster", found->spec.cluster.name},
                             {"topology", to_string(found->spec.topology)},
                             {"document", adopt::document(*found)},
                             {"recorded", std::move(recorded)},
                             {"nodes", std::move(nodes)},
                             {"unreached", std::move(unreached)},
                             {"notes", found->notes},
                             {"differences", found->differences}});
}

}  // namespace repl::serve
