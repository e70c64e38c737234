// The calls that take a topology file, or ask a cluster's controller for a change.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <nlohmann/json.hpp>

#include "serve/handlers.hpp"
#include "serve/shapes.hpp"
#include "spec/check.hpp"
#include "spec/diff.hpp"
#include "spec/parse.hpp"

namespace repl::serve {
namespace {

/// A controller answers once it has looked at the servers and made its plan.
constexpr std::chrono::seconds kAnswerWithin{30};

/// A topology file that was found right, or the answer that says what is wrong with it.
struct Taken {
  spec::Parsed parsed;
  std::optional<Response> refusal;

  std::vector<spec::Detail> warnings_of(std::size_t cluster) const {
    // A file's warnings belong to the document in which they stand.
    const auto starts = [this](std::size_t i) { return parsed.located.at(i).name.line; };
    std::vector<spec::Detail> out;
    for (const auto& warning : parsed.warnings) {
      std::size_t owner = 0;
      for (std::size_t i = 1; i < parsed.clusters.size(); ++i) {
        if (warning.line >= starts(i)) owner = i;
      }
      if (owner == cluster) out.push_back(warning);
    }
    return out;
  }
};

Response invalid_spec(std::vector<spec::Detail> errors) {
  auto message =
      fmt::format("{} error{} in the topology file; nothing was changed", errors.size(), errors.size() == 1 ? "" : "s");
  if (!errors.empty()) message += ". The first: " + to_string(errors.front());
  auto json = Json{{"error", error_json({ErrorCode::InvalidSpec, std::move(message)})}};
  json["error"]["details"] = details_json(errors);
  return json_response(status_of(ErrorCode::InvalidSpec), json);
}

/// Everything that can be known to be wrong without asking a server, of all documents at once.
Taken take_document(const Call& call) {
  const auto file = call.body.value("file", std::string("document"));
  const auto directory = call.body.value("baseDirectory", std::string());
  if (!directory.empty() && directory.front() != '/') {
    return {.refusal = error_response(
                {ErrorCode::InvalidArgument, fmt::format("baseDirectory: '{}' is not absolute", directory)})};
  }
  Taken taken{.parsed = spec::parse(call.body.at("document").get_ref<const std::string&>(), file, directory)};
  auto errors = taken.parsed.errors;
  std::vector<Spec> others;
  for (const auto& state : call.backend.registry.clusters()) {
    if (state->memory.spec) others.push_back(*state->memory.spec);
  }
  for (auto& found : {spec::check_against(taken.parsed, others), spec::check_permissions("", taken.parsed)}) {
    errors.insert(errors.end(), found.begin(), found.end());
  }
  if (!errors.empty()) taken.refusal = invalid_spec(std::move(errors));
  return taken;
}

Memory memory_of(const Call& call, const ClusterId& cluster) {
  const auto state = call.backend.registry.find(cluster);
  return state == nullptr ? Memory{} : state->memory;
}

Json changes_json(const Memory& memory, const Spec& wanted) {
  Json changes = Json::array();
  const auto before = memory.spec.value_or(Spec{.cluster = wanted.cluster, .topology = wanted.topology});
  for (auto& change : spec::diff(before, wanted)) {
    if (!memory.spec) {  // of a new cluster everything is new; what it would be by default was never there
      if (change.sign == '-') continue;
      change = {.sign = '+', .path = change.path, .from = {}, .to = change.to};
    }
    changes.push_back(change_json(change));
  }
  return changes;
}

Result<control::Reply> ask(const Call& call, const ClusterId& cluster, decltype(control::Request::what) what,
                           const std::string& document = {}, const std::string& note = {}) {
  control::Request request{.asked_by = call.asked_by, .what = std::move(what)};
  auto reply =
      call.backend.registry.ask(cluster, std::move(request), call.backend.clock() + kAnswerWithin, document, note);
  if (reply && reply->error) return tl::unexpected(*reply->error);
  return reply;
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

/// @errors NoSuchCluster, NoSuchNode
Result<std::optional<NodeId>> wanted_node(const Call& call) {
  const auto cluster = call.cluster();
  if (!cluster) return tl::unexpected(cluster.error());
  if (!call.body.contains("to")) return std::optional<NodeId>{};
  const auto name = call.body.at("to").get<std::string>();
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

struct Asked {
  Memory before;
  Revision revision;
  control::Reply reply;
};

Result<Asked> ask_to_apply(const Call& call, const Spec& wanted, bool dry_run, const std::string& document) {
  Asked asked{.before = memory_of(call, wanted.cluster)};
  const bool same = asked.before.spec == wanted;
  asked.revision = same ? asked.before.revision : Revision{asked.before.revision.number + 1};
  auto reply =
      ask(call, wanted.cluster, control::ApplySpec{.spec = wanted, .revision = asked.revision, .dry_run = dry_run},
          document, call.body.value("note", std::string()));
  if (!reply) return tl::unexpected(reply.error());
  asked.reply = std::move(*reply);
  return asked;
}

Json applied_json(const Asked& asked, const Spec& wanted, const std::vector<spec::Detail>& warnings) {
  return {{"cluster", wanted.cluster.name},
          {"revision", asked.revision.number},
          {"previousRevision", asked.before.revision.number},
          {"operation", asked.reply.operation ? Json(asked.reply.operation->value) : Json(nullptr)},
          {"plan", plan_json(asked.reply.plan.value_or(Plan{.goal = Goal::Converge}))},
          {"changes", changes_json(asked.before, wanted)},
          {"warnings", details_json(warnings)}};
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
    const auto memory = memory_of(call, spec.cluster);
    Json notes = Json::array();
    if (!memory.spec) notes.push_back("not managed yet");
    const auto* declared = spec.declared_source();
    if (memory.office.primary && declared != nullptr && declared->id != *memory.office.primary) {
      notes.push_back(fmt::format("primary is {} (declared {})", *memory.office.primary, declared->id));
    }
    auto changes = changes_json(memory, spec);
    clusters.push_back({{"cluster", spec.cluster.name},
                        {"equal", memory.spec.has_value() && changes.empty()},
                        {"changes", std::move(changes)},
                        {"notes", std::move(notes)}});
  }
  return json_response(200, {{"clusters", std::move(clusters)}});
}

/// One at a time: the number of a revision is the last one's plus one, and what is being applied is not forgotten.
static std::mutex& applying() {
  static std::mutex mutex;
  return mutex;
}

Result<Response> apply(const Call& call) {
  const std::lock_guard one_at_a_time(applying());
  const auto taken = take_document(call);
  if (taken.refusal) return *taken.refusal;
  const auto& wanted = taken.parsed.clusters;
  const auto& file = call.body.at("document").get_ref<const std::string&>();
  const bool dry_run = call.body.value("dryRun", false);

  // A file is taken whole: when a cluster refuses, none of them is changed.
  if (!dry_run && wanted.size() > 1) {
    for (const auto& spec : wanted) {
      if (auto possible = ask_to_apply(call, spec, true, {}); !possible) return tl::unexpected(possible.error());
    }
  }
  Json clusters = Json::array();
  std::string begun;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto asked = ask_to_apply(call, wanted[i], dry_run, dry_run ? "" : text_of_document(file, taken, i));
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
  const auto to = wanted_node(call);
  if (!to) return tl::unexpected(to.error());
  control::SwitchOver what{.to = *to};
  if (call.body.contains("timeoutSeconds")) {
    what.timeout = std::chrono::milliseconds(std::llround(call.body.at("timeoutSeconds").get<double>() * 1000));
  }
  return started(ask(call, {call.cluster_name()}, what));
}

Result<Response> fail_over(const Call& call) {
  const auto to = wanted_node(call);
  if (!to) return tl::unexpected(to.error());
  return started(ask(call, {call.cluster_name()}, control::FailOver{.to = *to}));
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

Result<Response> forget(const Call& call) {
  const std::lock_guard one_at_a_time(applying());
  if (const auto cluster = call.cluster(); !cluster) return tl::unexpected(cluster.error());
  if (const auto done = call.backend.registry.forget({call.cluster_name()}); !done) return tl::unexpected(done.error());
  spdlog::info("{} is no longer managed; its servers are left as they are", call.cluster_name());
  return Response{.status = 204};
}

}  // namespace repl::serve
