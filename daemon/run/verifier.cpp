// Threads of runs, and when the next is due.
#include "run/verifier.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>

#include "model/log_scope.hpp"
#include "run/verification.hpp"

namespace repl::run {
namespace {

constexpr auto kBetweenStarts = std::chrono::minutes(1);

std::string next_id(const ClusterId& cluster, const std::optional<verify::Run>& latest) {
  std::uint64_t number = 0;
  if (latest) {
    const auto& id = latest->id;
    const auto at = id.rfind("-v");
    if (at != std::string::npos) std::from_chars(id.data() + at + 2, id.data() + id.size(), number);
  }
  return fmt::format("{}-v{}", cluster, number + 1);
}

}  // namespace

Verifier::Verifier(ClusterId cluster, store::Store& store, const Clock& clock, Observer& observer, State state,
                   Publish publish)
    : cluster_(std::move(cluster)),
      store_(store),
      clock_(clock),
      observer_(observer),
      state_(std::move(state)),
      publish_(std::move(publish)) {
  const auto runs = store_.verifications(cluster_);
  if (!runs) {
    spdlog::error("{}: {}; what was verified before is not known", cluster_, runs.error().message);
    return;
  }
  if (runs->empty()) return;
  const auto full = std::find_if(runs->begin(), runs->end(), [](const verify::Run& run) { return run.full; });
  if (full != runs->end()) full_ = *full;
  const auto told = std::find_if(runs->begin(), runs->end(), [](const verify::Run& run) {
    return run.full && run.state == verify::RunState::Done;
  });
  if (told != runs->end()) publish_(std::make_shared<const verify::Run>(*told));
  latest_ = runs->front();
  take_up_ = latest_->state == verify::RunState::Running;
  publish_(std::make_shared<const verify::Run>(*latest_));
}

Verifier::~Verifier() {
  std::jthread last;
  {
    const std::lock_guard lock{mutex_};
    last = std::move(thread_);
  }
}

Result<void> Verifier::may_start(const ClusterState& state) const {
  const auto& spec = state.memory.spec;
  if (!spec) {
    return fail(ErrorCode::PreconditionFailed, "{}: nothing is applied yet, so there is nothing to compare", cluster_);
  }
  if (spec->positioning != Positioning::Gtid) {
    return fail(ErrorCode::NotSupported, "{}: nodes are compared at positions that only GTIDs can name", cluster_);
  }
  if (spec->nodes.size() < 2) {
    return fail(ErrorCode::PreconditionFailed, "{}: there is only one node", cluster_);
  }
  return {};
}

Result<std::string> Verifier::start(const VerifyOrder& order) {
  const auto state = state_();
  if (const auto fit = may_start(*state); !fit) return tl::unexpected(fit.error());
  const std::lock_guard lock{mutex_};
  if (running_ || take_up_) {
    return fail(ErrorCode::Conflict, "{}: verification {} is running; `replctl verify {} --stop` ends it", cluster_,
                latest_->id, cluster_);
  }
  if (order.resume) {
    if (!latest_ || !latest_->can_go_on()) {
      return fail(ErrorCode::PreconditionFailed, "{}: no verification was stopped or interrupted, so none can go on",
                  cluster_);
    }
    auto tables = store_.verified_tables(latest_->id);
    if (!tables) return tl::unexpected(tables.error());
    launch(*latest_, std::move(*tables));
    return latest_->id;
  }
  verify::Run run{.id = next_id(cluster_, latest_), .settings = order.settings, .asked_by = order.asked_by};
  if (run.settings.schemas.empty() && run.settings.tables.empty()) {
    run.settings.schemas = state->memory.spec->consistency.schemas;
  }
  run.full = verify::covers(run.settings, state->memory.spec->consistency.schemas);
  run.started = run.finished = clock_.now();
  const auto id = run.id;
  launch(std::move(run), {});
  return id;
}

Result<void> Verifier::stop() {
  std::jthread ending;
  {
    const std::lock_guard lock{mutex_};
    if (!running_) {
      return fail(ErrorCode::PreconditionFailed, "{}: no verification is running", cluster_);
    }
    asked_to_stop_ = true;
    ending = std::move(thread_);
  }
  return {};  // the thread is asked to stop and waited for as it goes out of scope
}

void Verifier::launch(verify::Run run, std::vector<verify::TableProgress> tables) {
  take_up_ = false;
  asked_to_stop_ = false;
  running_ = true;
  run.state = verify::RunState::Running;
  know(run);
  publish_(std::make_shared<const verify::Run>(run));  // whoever has started it must not be shown the one before
  thread_ = std::jthread{[this, run = std::move(run), tables = std::move(tables)](const std::stop_token& stop) {
    const LogScope scope{cluster_.name};
    Verification({.cluster = cluster_,
                  .state = state_,
                  .publish = [this](const verify::Run& now) { publish(now); },
                  .store = store_,
                  .clock = clock_,
                  .observer = observer_,
                  .asked_to_stop = asked_to_stop_},
                 run, tables)
        .work(stop);
    running_ = false;
  }};
}

void Verifier::publish(const verify::Run& run) {
  {
    const std::lock_guard lock{mutex_};
    know(run);
  }
  publish_(std::make_shared<const verify::Run>(run));
}

void Verifier::know(const verify::Run& run) {
  latest_ = run;
  if (run.full) full_ = run;
}

verify::Due Verifier::what_is_due(const ClusterState& state, Time now) const {
  const auto& spec = state.memory.spec;
  if (!spec || running_ || now < not_before_) return verify::Due::Nothing;
  return verify::what_is_due(latest_, full_, spec->consistency.checksum_every, now);
}

void Verifier::look(Time now) {
  const auto state = state_();
  auto due = verify::Due::Nothing;
  {
    const std::lock_guard lock{mutex_};
    due = what_is_due(*state, now);
    if (!take_up_ && due == verify::Due::Nothing) return;
    if (!state->memory.spec || !state->view->complete() || state->memory.operation) return;
    if (take_up_) {
      auto tables = store_.verified_tables(latest_->id);
      if (!tables) {
        spdlog::error("{}: {}", cluster_, tables.error().message);
        take_up_ = false;
        return;
      }
      return launch(*latest_, std::move(*tables));
    }
    not_before_ = now + kBetweenStarts;
  }
  const auto started = start({.settings = {}, .resume = due == verify::Due::Resume, .asked_by = "repld"});
  if (!started && started.error().code != ErrorCode::Conflict) {
    spdlog::warn("{}: the verification that is due does not start: {}", cluster_, started.error().message);
  }
}

}  // namespace repl::run
