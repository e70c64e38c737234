// The loop that joins the pure middle to the ends; the place to start reading the program.
#include "run/runner.hpp"

#include <spdlog/spdlog.h>

#include "model/log_scope.hpp"

namespace repl::run {

Runner::Runner(ClusterId cluster, Memory remembered, store::Store& store, mysql::Watcher& watcher, const Clock& clock,
               Observer& observer, const std::string& hooks_directory)
    : cluster_(std::move(cluster)),
      store_(store),
      clock_(clock),
      observer_(observer),
      inbox_(clock),
      controller_(cluster_, remembered, clock.now()),
      nodes_(
          cluster_, watcher, [&clock] { return clock.now(); },
          [this](control::Input input) { inbox_.put(std::move(input)); }),
      hooks_(cluster_, hooks_directory, clock, observer,
             [this](control::Input input) { inbox_.put(std::move(input)); }),
      state_(
          std::make_shared<const ClusterState>(ClusterState{cluster_, remembered, std::make_shared<const View>(),
                                                            std::make_shared<const std::vector<Problem>>(), nullptr})),
      verifier_(
          cluster_, store, clock, observer, [this] { return state(); },
          [this](std::shared_ptr<const verify::Run> run) { publish(std::move(run)); }) {
  if (const auto watched = remembered.watched()) nodes_.configure(*watched);
  thread_ = std::jthread{[this](const std::stop_token& stop) { run(stop); }};
}

Runner::~Runner() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Runner::run(const std::stop_token& stop) {
  const LogScope scope{cluster_.name};
  auto wake_up = clock_.now();
  while (!stop.stop_requested()) {
    const auto input = inbox_.take_until(wake_up, stop);
    if (stop.stop_requested()) return;
    if (const auto* probe = std::get_if<control::ProbeDone>(&input)) observer_.probe_done(cluster_, probe->snapshot);
    auto output = controller_.step(clock_.now(), input);  // pure
    const bool stored = record(output);                   // the intention, before the change
    nodes_.cancel(output);
    if (output.configure) nodes_.configure(*output.configure);
    if (!stored) {
      refuse_steps(output);
      output.steps.clear();
      output.record.reset();
      for (auto& reply : output.replies) {
        if (reply.error) continue;
        reply.error = Error{ErrorCode::StoreFailed,
                            fmt::format("{}: the store does not take it, so it may be forgotten when repld ends; see "
                                        "repld's log, then ask again",
                                        cluster_)};
      }
    }
    hooks_.start(output);
    nodes_.start(output);  // probes and steps; results return to the inbox
    publish(output);
    answer(output);
    verifier_.look(clock_.now());
    observer_.loop_turned(cluster_, clock_.now());
    wake_up = output.wake_up;
  }
}

bool Runner::record(control::Output& output) {
  auto record = std::exchange(unsaved_, {});
  record.cluster = cluster_;
  if (output.remember) record.memory = output.remember;
  record.operations = output.operations;
  record.events = output.events;
  if (output.revision) record.revisions.push_back(*output.revision);
  if (output.outcome) record.outcomes.push_back(*output.outcome);
  if (record.empty()) return true;
  const auto began = clock_.now();
  const auto written = store_.write(record);
  observer_.journal_written(cluster_, clock_.now() - began, written.has_value());
  if (!written) {
    unsaved_ = std::move(record);  // goes along with the next one
    unsaved_.operations.clear();
    unsaved_.events.clear();
    spdlog::error("{}: {}; no server is changed until the store works again", cluster_, written.error().message);
    return false;
  }
  for (const auto& event : output.events) {
    const LogScope scope{cluster_.name, event.operation ? event.operation->value : std::string{}};
    const auto level = event.severity == Severity::Critical  ? spdlog::level::err
                       : event.severity == Severity::Warning ? spdlog::level::warn
                                                             : spdlog::level::info;
    spdlog::log(level, "{}{}{}: {}", event.node ? event.node->name : "", event.node ? " " : "", event.kind, event.text);
    observer_.event_recorded(cluster_, event);
  }
  for (const auto& operation : output.operations) observer_.operation_changed(cluster_, operation);
  return true;
}

void Runner::refuse_steps(const control::Output& output) {
  for (const auto& order : output.steps) {
    StepResult result;
    result.error = Error{ErrorCode::StoreFailed,
                         fmt::format("{}: not started, the intention could not be stored", describe(order.step))};
    inbox_.put(control::StepDone{order.operation, order.index, order.undo, std::move(result)});
  }
}

void Runner::publish(const control::Output& output) {
  const std::lock_guard lock{mutex_};
  auto next = std::make_shared<ClusterState>(*state_);
  if (output.remember) next->memory = *output.remember;
  if (output.view) next->view = output.view;
  if (output.problems) next->problems = output.problems;
  state_ = std::move(next);
}

void Runner::publish(std::shared_ptr<const verify::Run> verification) {
  const std::lock_guard lock{mutex_};
  auto next = std::make_shared<ClusterState>(*state_);
  if (verification->full && verification->state == verify::RunState::Done) next->full_verification = verification;
  next->verification = std::move(verification);
  state_ = std::move(next);
}

void Runner::answer(const control::Output& output) {
  if (output.replies.empty()) return;
  {
    const std::lock_guard lock{mutex_};
    for (const auto& reply : output.replies) {
      if (const auto asked = asked_.find(reply.ticket); asked != asked_.end()) asked->second = reply;
    }
  }
  answered_.notify_all();
}

std::shared_ptr<const ClusterState> Runner::state() const {
  const std::lock_guard lock{mutex_};
  return state_;
}

Result<control::Reply> Runner::ask(control::Request request, Time deadline) {
  std::unique_lock lock{mutex_};
  const auto ticket = ++tickets_;
  request.ticket = ticket;
  asked_.emplace(ticket, std::nullopt);
  lock.unlock();
  inbox_.put(std::move(request));
  lock.lock();
  const bool in_time = answered_.wait_for(lock, deadline - clock_.now(), [&] { return asked_.at(ticket).has_value(); });
  auto reply = std::move(asked_.at(ticket));
  asked_.erase(ticket);
  if (!in_time) {
    return fail(ErrorCode::DeadlineExceeded, "{}: no answer in time; the request may still be taken up, see its events",
                cluster_);
  }
  if (reply->error) return tl::unexpected(*reply->error);
  return std::move(*reply);
}

bool Runner::blank() const {
  const auto now = state();
  return !now->memory.spec && !now->memory.proposed && !now->memory.operation && now->memory.operations == 0;
}

}  // namespace repl::run
