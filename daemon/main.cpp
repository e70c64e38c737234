// repld: reads repld.yaml, wires store, watcher, runners and API together, and waits for the signal to stop.
#include <malloc.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "model/time_text.hpp"
#include "mysql/crawl.hpp"
#include "mysql/node_manager.hpp"
#include "mysql/watcher.hpp"
#include "run/daemon.hpp"
#include "run/hook_program.hpp"
#include "serve/api.hpp"
#include "serve/backup.hpp"
#include "serve/handlers.hpp"
#include "serve/log.hpp"
#include "serve/metrics.hpp"
#include "serve/server.hpp"
#include "serve/service_manager.hpp"
#include "serve/state_directory.hpp"
#include "spec/check.hpp"

namespace repl {
namespace {

// Exit codes: as replctl's for errors of use; systemd does not restart on kUsage.
constexpr int kDone = 0, kFailed = 1, kUsage = 2;

struct Options {
  std::string config;
  std::string state_directory;
  std::string listen;
  std::string log_format;
  std::string log_level;
  bool check_config = false;
  std::string restore;
  bool force = false;
  bool dry_run = false;
};

/// Errors before the log is there, and those of the configuration, go to standard error as they are.
int say(int code, const std::string& text) {
  std::fprintf(stderr, "repld: %s\n", text.c_str());
  return code;
}

/// The file, laid over by the options. @errors InvalidArgument: all errors, a line each
Result<serve::Config> read_config(const Options& options) {
  serve::Config config;
  if (!options.config.empty()) {
    std::ifstream file(options.config);
    std::ostringstream text;
    if (!file || !(text << file.rdbuf())) {
      return fail(ErrorCode::InvalidArgument, "{} cannot be read: {}", options.config, std::strerror(errno));
    }
    const auto directory = std::filesystem::absolute(options.config).parent_path().string();
    auto parsed = serve::parse_config(text.str(), options.config, directory);
    if (!parsed.errors.empty()) {
      std::string all;
      for (const auto& error : parsed.errors) all += "\n  " + to_string(error);
      return fail(ErrorCode::InvalidArgument, "{} is not right:{}", options.config, all);
    }
    config = std::move(parsed.config);
  }
  if (!options.state_directory.empty())
    config.state_directory = std::filesystem::absolute(options.state_directory).string();
  if (config.state_directory.empty()) config.state_directory = serve::default_state_directory();
  if (!options.listen.empty()) {
    const auto address = serve::parse_listen(options.listen);
    if (!address) return tl::unexpected(address.error());
    config.listen = *address;
  }
  if (!options.log_format.empty()) config.log_format = *value_in(serve::kLogFormats, options.log_format);
  if (!options.log_level.empty()) config.log_level = *value_in(serve::kLogLevels, options.log_level);
  if (const auto consistent = serve::check(config); !consistent) return tl::unexpected(consistent.error());
  return config;
}

/// The signals that end repld, blocked so that every thread leaves them to wait_for_stop().
sigset_t block_stop_signals() {
  sigset_t stop;
  ::sigemptyset(&stop);
  ::sigaddset(&stop, SIGTERM);
  ::sigaddset(&stop, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);  // ignored by whoever started us, no hook's exit code could be read
  return stop;
}

/// Until a stop signal comes; in between, tells systemd that repld is alive, as long as it is.
void wait_for_stop(const sigset_t& stop, const serve::ServiceManager& service, const serve::Backend& backend) {
  const auto interval = service.watchdog().value_or(std::chrono::hours(1)) / 3;
  const auto whole = std::chrono::floor<std::chrono::seconds>(interval);
  const timespec pause{static_cast<time_t>(whole.count()),
                       static_cast<long>(std::chrono::nanoseconds(interval - whole).count())};
  for (;;) {
    siginfo_t info{};
    const int number = ::sigtimedwait(&stop, &info, &pause);
    if (number > 0) {
      spdlog::info("{} from process {}, stopping", number == SIGTERM ? "SIGTERM" : "SIGINT", info.si_pid);
      return;
    }
    if (const auto dead = serve::not_alive(backend.registry, backend.metrics, backend.clock()); dead.empty()) {
      service.alive();
    } else {
      spdlog::error("{}; not telling systemd that repld is alive", dead);
    }
  }
}

/// repld does not start with passwords that every user of the machine may read. All of them are named.
Result<void> secrets_are_safe(store::Store& store) {
  const auto clusters = store.clusters();
  if (!clusters) return tl::unexpected(clusters.error());
  std::string open;
  for (const auto& [cluster, memory] : *clusters) {
    const auto spec = memory.watched();
    if (!spec) continue;
    for (const auto& wrong : spec::check_permissions(*spec)) open += "\n  " + wrong;
  }
  if (open.empty()) return {};
  return fail(ErrorCode::SecretUnavailable, "not started, secrets are open to everybody:{}", open);
}

/// Better known now than when one is needed.
void tell_of_broken_hooks(store::Store& store, const std::string& directory) {
  const auto clusters = store.clusters();
  if (!clusters) return;
  for (const auto& [cluster, memory] : *clusters) {
    if (!memory.spec) continue;
    for (const auto& wrong : run::check_hooks(directory, *memory.spec)) spdlog::warn("{}: {}", cluster, wrong);
  }
}

Result<void> serve_until_stopped(const serve::Config& config, const serve::ServiceManager& service,
                                 const sigset_t& stop) {
  auto directory = serve::StateDirectory::take(config.state_directory);
  if (!directory) return tl::unexpected(directory.error());
  const auto token = serve::load_or_make_token(config.token_path());
  if (!token) return tl::unexpected(token.error());
  const auto store = store::Store::open(directory->store_path());
  if (!store) return tl::unexpected(store.error());

  if (auto safe = secrets_are_safe(**store); !safe) return safe;

  tell_of_broken_hooks(**store, config.hooks_directory);

  const run::Clock clock;
  serve::Metrics metrics(REPL_VERSION);
  mysql::Watcher watcher;
  const auto daemon = run::Daemon::start(**store, watcher, clock, metrics, config.hooks_directory);
  if (!daemon) return tl::unexpected(daemon.error());

  const serve::Backend backend{.registry = **daemon,
                               .store = **store,
                               .metrics = metrics,
                               .clock = [&clock] { return clock.now(); },
                               .version = REPL_VERSION,
                               .token = *token,
                               .serve_metrics = config.metrics,
                               .scratch = directory->scratch_path(),
                               .hooks_directory = config.hooks_directory,
                               .crawl = mysql::crawl};
  serve::Api api(backend);
  serve::Limits limits;
  limits.connections = static_cast<std::size_t>(config.max_connections);
  const auto server = serve::Server::start(config.listen, api, limits);
  if (!server) return tl::unexpected(server.error());
  if (auto published = directory->publish((*server)->address()); !published) return published;

  const auto clusters = (*daemon)->clusters().size();
  spdlog::info("repld {} answers at {}, state in {}, {} cluster{}", REPL_VERSION, to_string((*server)->address()),
               config.state_directory, clusters, clusters == 1 ? "" : "s");
  service.ready(fmt::format("answers at {}", to_string((*server)->address())));
  wait_for_stop(stop, service, backend);
  service.stopping();
  (*server)->stop();
  return {};
}

/// Says what is in the backup, and takes it. The lock of the state directory keeps every repld from running meanwhile.
Result<void> restore(const serve::Config& config, const Options& options) {
  auto directory = serve::StateDirectory::take(config.state_directory);
  if (!directory) return tl::unexpected(directory.error());
  const auto contents = serve::read_backup(options.restore, directory->scratch_path());
  if (!contents) return tl::unexpected(contents.error());
  std::printf("backup of %s by repld %s\n", time_text(contents->at).c_str(), contents->version.c_str());
  for (const auto& line : contents->lines) std::printf("  %s\n", line.c_str());
  if (options.dry_run) {
    std::printf("nothing was changed; run without --dry-run to restore it\n");
    serve::remove_database(directory->scratch_path());
    return {};
  }
  const auto kept = serve::put_in_place(directory->scratch_path(), directory->store_path(), run::Clock{}.now(),
                                        options.force ? serve::Overwrite::Yes : serve::Overwrite::No);
  if (!kept) {
    serve::remove_database(directory->scratch_path());
    return tl::unexpected(kept.error());
  }
  std::printf(
      "restored to %s%s%s\nrepld does nothing by itself before it finds the servers as the backup says, or "
      "`replctl resume`\n",
      directory->store_path().c_str(), kept->empty() ? "" : "; the old one is ", kept->c_str());
  return {};
}

}  // namespace
}  // namespace repl

int main(int argc, char** argv) {
  using namespace repl;
  // Each thread's own heap would keep what it once needed; two are enough for threads that mostly wait.
  ::mallopt(M_ARENA_MAX, 2);

  Options options;
  CLI::App app{"repld keeps MySQL replication topologies as they were declared. replctl talks to it.", "repld"};
  app.set_version_flag("--version", "repld " REPL_VERSION);
  app.add_option("--config", options.config, "repld.yaml; without it the defaults hold")->type_name("FILE");
  app.add_option("--state-dir", options.state_directory,
                 "Where store and token are kept; default /var/lib/repld for root, else ~/.local/state/replctl")
      ->type_name("DIR");
  app.add_option("--listen", options.listen,
                 "Address of the API; port 0 takes any free one, which DIR/address then names")
      ->type_name("IP:PORT");
  app.add_option("--log-format", options.log_format, "human or json")->check(CLI::IsMember({"human", "json"}));
  app.add_option("--log-level", options.log_level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  app.add_flag("--check-config", options.check_config, "Say what is wrong with the configuration, and end");
  auto* restore_option =
      app.add_option("--restore", options.restore, "Take up what `replctl backup` has written, and end")
          ->type_name("FILE");
  app.add_flag("--dry-run", options.dry_run, "With --restore: only say what is in it")->needs(restore_option);
  app.add_flag("--force", options.force,
               "With --restore: also where clusters are known; the old store is kept beside it")
      ->needs(restore_option);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? kDone : kUsage;
  }

  const auto config = read_config(options);
  if (!config) return say(kUsage, config.error().message);
  if (options.check_config) {
    std::printf("the configuration is right: listens on %s, state in %s\n", to_string(config->listen).c_str(),
                config->state_directory.c_str());
    return kDone;
  }
  if (!options.restore.empty()) {
    const auto restored = restore(*config, options);
    return restored ? kDone : say(exit_code(restored.error().code), restored.error().message);
  }
  const auto stop = block_stop_signals();  // before any thread is started
  mysql::init_driver();
  const auto service = serve::ServiceManager::from_environment();
  serve::start_log(config->log_format, config->log_level);
  if (const auto served = serve_until_stopped(*config, service, stop); !served) {
    spdlog::error("{}", served.error().message);
    return kFailed;
  }
  spdlog::info("stopped");
  return kDone;
}
