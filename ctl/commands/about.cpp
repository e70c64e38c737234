// version, connection: replctl and repld themselves.
#include <nlohmann/json.hpp>

#include "ctl/commands/command.hpp"
#include "ctl/commands/families.hpp"

#ifndef REPLCTL_VERSION
#error "The build gives the version"
#endif

namespace repl::ctl {
namespace {

std::string where(const Endpoint& e) {
  return fmt::format("{} ({})", to_string(e.address), e.origin);
}

Result<Exit> version(Invocation& run, const NoOptions&) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  const auto answer = (*repld)->get("/api/v1/version");
  Json value{{"replctl", REPLCTL_VERSION}, {"repld", answer ? Json(text_of(*answer, "version")) : Json(nullptr)}};
  return run.say(value, fmt::format("replctl {}\nrepld   {}", REPLCTL_VERSION,
                                    answer ? text_of(*answer, "version") : "not reachable; see `replctl connection`"));
}

Result<Exit> connection(Invocation& run, const NoOptions&) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  const auto answer = (*repld)->get("/api/v1/version");
  const auto& endpoint = (*repld)->endpoint();
  const auto token = endpoint.token_file.empty() ? std::string("none found") : endpoint.token_file;
  if (!answer) return tl::unexpected(answer.error());
  return run.say({{"address", to_string(endpoint.address)},
                  {"origin", endpoint.origin},
                  {"tokenFile", token},
                  {"version", text_of(*answer, "version")}},
                 fmt::format("repld    {} at {}\ntoken    {}", text_of(*answer, "version"), where(endpoint), token));
}

}  // namespace

void add_about_commands(CLI::App& app, Invocation& run) {
  add_command<NoOptions>(app, run, {"version", kMore, "versions of replctl and of repld"}, version);
  auto [sub, options] = add_command<NoOptions>(
      app, run, {"connection", kMore, "which repld is talked to, and with which token file"}, connection);
  static_cast<void>(options);
  sub->footer(
      "Order: --server, REPLCTL_SERVER, the address file that repld writes\n"
      "(${XDG_STATE_HOME:-~/.local/state}/replctl/address, /var/lib/repld/address), 127.0.0.1:10330.\n"
      "Token: --token-file, REPLCTL_TOKEN_FILE, else `token` beside the address file.");
}

}  // namespace repl::ctl
