// The calls that take a topology file, or ask a cluster's controller for a change.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "serve/applying.hpp"
#include "serve/handlers.hpp"
#include "serve/shapes.hpp"

namespace repl::serve {
namespace {

/// The topology file in the body of the call.
Taken take_document(const Call& call) {
  return take(call, call.body.at("document").get_ref<const std::string&>(),
              call.body.value("file", std::string("document")), call.body.value("baseDirectory", std::string()));
}

Result<Response> started(const Result<control::Reply>& reply) {
  if (!reply) return tl::unexpected(reply.error());
  if (!reply->operation) return json_response(200, {{"operation", nullptr}});
  return json_response(202, {{"operation", reply->operation->value}});
}

Result<Response> nothing(const Result<control::Reply>& reply) {
  if (!reply) return tl::unexpected(reply.error());
  return json_response(200, Json::object());
}

/// What is under way beside it, if anything.
Result<Response> with_operation(const Result<control::Reply>& reply) {
  if (!reply) return tl::unexpected(reply.error());
  return json_response(200, {{"operation", reply->operation ? Json(reply->operation->value) : Json(nullptr)}});
}

/// @errors NoSuchCluster, NoSuchNode
Result<std::optional<NodeId>> node_in(const Call& call, const char* member) {
  const auto cluster = call.cluster();
  if (!cluster) return tl::unexpected(cluster.error());
  if (!call.body.contains(member)) return std::optional<NodeId>{};
  const auto name = call.body.at(member).get<std::string>();
  if (cluster->find(name) == nullptr) {
    return fail(ErrorCode::NoSuchNode, "cluster {} has no node '{}'; `replctl nodes` lists them", call.cluster_name(),
                name);
  }
  return std::optional{NodeId{name}};
}

/// A document of the file by itself, as it is kept with its revision.
std::string text_of_document(const std::string& file, const Taken& taken, std::size_t index) {
  if (taken.parsed.clusters.size() == 1) return file;
  // Documents are separated by lines of three dashes; the one with the cluster's name is wanted.
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < file.size();) {
    const auto end = std::min(file.find('\n', begin), file.size() - 1);
    lines.push_back(file.substr(begin, end - begin + 1));
    begin = end + 1;
  }
  const auto separates = [](const std::string& line) { return line.starts_with("---"); };
  const auto name_at = lines.begin() + (taken.parsed.located.at(index).name.line - 1);
  const auto first = std::find_if(std::make_reverse_iterator(name_at), lines.rend(), separates).base();
  const auto last = std::find_if(name_at, lines.end(), separates);
  std::string text;
  for (auto line = first; line != last; ++line) text += *line;
  return text;
}

}  // namespace

Result<Response> validate(const Call& call) {
  const auto taken = take_document(call);
  if (taken.refusal) return *taken.refusal;
  Json names = Json::array();
  for (const auto& spec : taken.parsed.clusters) names.push_back(spec.cluster.name);
  return json_response(
      200, {{"valid", true}, {"clusters", std::move(names)}, {"warnings", details_json(taken.parsed.warnings)}});
}

Result<Response> diff(const Call& call) {
  const auto taken = take_document(call);
  if (taken.refusal) return *taken.refusal;
  Json clusters = Json::array();
  for (const auto& spec : taken.parsed.clusters) {
    const auto state = state_of(call, spec.cluster);
    auto changes = changes_json(state.memory, spec);
    clusters.push_back({{"cluster", spec.cluster.name},
                        {"equal", state.memory.spec.has_value() && changes.empty()},
                        {"changes", std::move(changes)},
                        {"notes", notes_json(state, spec)}});
  }
  return json_response(200, {{"clusters", std::move(clusters)}});
}

namespace {

/// Each must be spelled as in the file: a slip must not be taken for nothing.
Result<std::set<NodeId>> nodes_that_may_lose_data(const Call& call, const std::vector<Spec>& wanted) {
  std::set<NodeId> out;
  for (const auto& name : call.body.value("allowDataLoss", Json::array())) {
    const NodeId node{name.get<std::string>()};
    const bool known =
        std::any_of(wanted.begin(), wanted.end(), [&](const Spec& spec) { return spec.find(node) != nullptr; });
    if (!known) return fail(ErrorCode::NoSuchNode, "allow data loss: no node of the file is called {}", node);
    out.insert(node);
  }
  return out;
}

}  // namespace

Result<Response> apply(const Call& call) {
  const auto one_at_a_time = applying();
  const auto taken = take_document(call);
  if (taken.refusal) return *taken.refusal;
  const auto& wanted = taken.parsed.clusters;
  const auto& file = call.body.at("document").get_ref<const std::string&>();
  const bool dry_run = call.body.value("dryRun", false);
  const auto note = call.body.value("note", std::string());
  const auto may_lose = nodes_that_may_lose_data(call, wanted);
  if (!may_lose) return tl::unexpected(may_lose.error());

  // A file is taken whole: when a cluster refuses, none of them is changed.
  if (!dry_run && wanted.size() > 1) {
    for (const auto& spec : wanted) {
      if (auto possible = ask_to_apply(call, {.spec = spec, .dry_run = true, .may_lose_data = *may_lose}); !possible)
        return tl::unexpected(possible.error());
    }
  }
  Json clusters = Json::array();
  std::string begun;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto asked = ask_to_apply(call, {.spec = wanted[i],
                                           .dry_run = dry_run,
                                           .may_lose_data = *may_lose,
                                           .note = note,
                                           .document = dry_run ? "" : text_of_document(file, taken, i)});
    if (!asked) {
      if (begun.empty()) return tl::unexpected(asked.error());
      return fail(asked.error().code, "{} (of the same file{} started before this was known)", asked.error().message,
                  begun);
    }
    if (asked->reply.operation && !dry_run) begun += fmt::format(" {}", *asked->reply.operation);
    clusters.push_back(applied_json(*asked, wanted[i], taken.warnings_of(i)));
  }
  return json_response(begun.empty() ? 200 : 202, {{"clusters", std::move(clusters)}});
}

Result<Response> switch_over(const Call& call) {
  const auto to = node_in(call, "to");
  if (!to) return tl::unexpected(to.error());
  control::SwitchOver what{.to = *to};
  if (call.body.contains("timeoutSeconds")) {
    what.timeout = std::chrono::milliseconds(std::llround(call.body.at("timeoutSeconds").get<double>() * 1000));
  }
  return started(ask(call, {call.cluster_name()}, what));
}

Result<Response> fail_over(const Call& call) {
  const auto to = node_in(call, "to");
  if (!to) return tl::unexpected(to.error());
  return started(ask(call, {call.cluster_name()}, control::FailOver{.to = *to}));
}

Result<Response> cancel(const Call& call) {
  return started(ask(call, {call.cluster_name()}, control::Cancel{}));
}
Result<Response> acknowledge(const Call& call) {
  return nothing(ask(call, {call.cluster_name()}, control::Acknowledge{}));
}
Result<Response> pause(const Call& call) {
  return nothing(ask(call, {call.cluster_name()}, control::Pause{}));
}
Result<Response> resume(const Call& call) {
  return nothing(ask(call, {call.cluster_name()}, control::Resume{}));
}

Result<Response> begin_maintenance(const Call& call) {
  const auto node = node_in(call, "node");
  if (!node) return tl::unexpected(node.error());
  auto reason = call.body.at("reason").get<std::string>();
  if (reason.empty()) return fail(ErrorCode::InvalidArgument, "reason: say why, others will want to know");
  const std::chrono::duration<double> length(call.body.at("forSeconds").get<double>());
  return with_operation(
      ask(call, {call.cluster_name()},
          control::BeginMaintenance{
              .node = *node, .length = std::chrono::duration_cast<Duration>(length), .reason = std::move(reason)}));
}
Result<Response> end_maintenance(const Call& call) {
  const auto node = node_in(call, "node");
  if (!node) return tl::unexpected(node.error());
  return nothing(ask(call, {call.cluster_name()}, control::EndMaintenance{.node = *node}));
}

Result<Response> forget(const Call& call) {
  const auto one_at_a_time = applying();
  if (const auto cluster = call.cluster(); !cluster) return tl::unexpected(cluster.error());
  if (const auto done = call.backend.registry.forget({call.cluster_name()}); !done) return tl::unexpected(done.error());
  spdlog::info("{} is no longer managed; its servers are left as they are", call.cluster_name());
  return Response{.status = 204};
}

}  // namespace repl::serve
