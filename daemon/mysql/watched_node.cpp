// The course of a probe: kept session, or a fresh one at once when that is broken, within one deadline.
#include "mysql/watched_node.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>

#include "mysql/clone_query.hpp"
#include "mysql/position_query.hpp"
#include "mysql/sql_text.hpp"

namespace repl::mysql {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// Ages in the status query are differences of local times.
constexpr std::string_view kWatchingStatement = "SET SESSION time_zone='+00:00'";
// A dying process accepts and resets connections for a moment before it refuses them.
constexpr int kFreshAttempts = 3;
constexpr std::size_t kLeftoversKept = 8;
constexpr auto kHousekeepingLimit = 1s;
constexpr unsigned kUnknownVariable = 1193;

/// Unique over all processes that ever connected to the server.
std::string new_label() {
  static const std::uint64_t process = std::random_device{}() * 0x100000000ULL + std::random_device{}();
  static std::uint64_t counter = 0;  // the loop's thread only
  return fmt::format("{:016x}-{}", process, ++counter);
}

/// Made once for each set of plugins: the text is 5 KB.
const std::string& query_for(LoadedPlugins plugins) {
  static std::array<std::string, 8> queries;  // the loop's thread only
  auto& query =
      queries[(plugins.semi_sync_source ? 4U : 0U) + (plugins.semi_sync_replica ? 2U : 0U) + (plugins.group ? 1U : 0U)];
  if (query.empty()) query = status_query(plugins);
  return query;
}

}  // namespace

WatchedNode::WatchedNode(EventLoop& loop, Resolver& resolver, NodeId node, Endpoint endpoint,
                         std::shared_ptr<SessionCounters> counters)
    : loop_{loop},
      resolver_{resolver},
      node_{std::move(node)},
      endpoint_{std::move(endpoint)},
      counters_{std::move(counters)},
      io_{loop, [this](std::uint32_t ready) { advance(session_.resume(ready)); }},
      timer_{loop, [this] { on_deadline(); }},
      self_{std::make_shared<WatchedNode*>(this)},
      tls_{wants_tls(endpoint_.tls, endpoint_.address)} {}

WatchedNode::~WatchedNode() {
  *self_ = nullptr;
  session_is_gone();
}

void WatchedNode::set_endpoint(const Endpoint& endpoint) {
  if (endpoint == endpoint_) return;
  endpoint_ = endpoint;
  tls_ = wants_tls(endpoint_.tls, endpoint_.address);
  session_is_gone();
  broke_ = false;
  address_ = 0;
  leftovers_.clear();
  activity_ = Activity::None;
  if (sentinel_) keep_sentinel(on_sentinel_broken_);
  next_.insert(next_.begin(), std::make_move_iterator(current_.begin()), std::make_move_iterator(current_.end()));
  current_.clear();
  begin();
}

void WatchedNode::keep_sentinel(std::function<void()> on_broken) {
  on_sentinel_broken_ = std::move(on_broken);
  sentinel_ = std::make_unique<Sentinel>(
      loop_, endpoint_, [this] { return route(); }, counters_, on_sentinel_broken_);
}

void WatchedNode::drop_sentinel() {
  sentinel_.reset();
}

Route WatchedNode::route() {
  const auto found = resolver_.addresses(endpoint_.address.host, [loop = &loop_, self = self_] {
    loop->post([self] {
      auto* const node = *self;
      if (node != nullptr && node->activity_ == Activity::Resolving) node->open();
    });
  });
  if (found.empty()) return {};
  // The name itself where TLS has to verify it: the library then looks it up once more, in the loop.
  if (tls_ && endpoint_.tls.mode == TlsMode::VerifyIdentity) return {endpoint_.address.host, tls_};
  return {found[address_ % found.size()], tls_};
}

void WatchedNode::probe(Deadline deadline, OnSnapshot done) {
  next_.push_back({steady_clock::now(), deadline, std::move(done)});
  set_timer();
  begin();
}

void WatchedNode::begin() {
  if (activity_ != Activity::None || next_.empty()) return;
  current_ = std::exchange(next_, {});
  fresh_attempts_ = 0;
  tls_changed_ = false;
  if (!endpoint_.secret_problem.empty()) return finish(Reach::Denied, endpoint_.secret_problem);
  if (session_.state() == AsyncSession::State::Idle) return send();
  open();
}

void WatchedNode::open() {
  const auto r = route();
  if (r.host.empty()) {
    if (activity_ == Activity::Resolving) {
      return finish(Reach::Lost, fmt::format("host name \"{}\" cannot be resolved", endpoint_.address.host));
    }
    activity_ = Activity::Resolving;
    return;
  }
  activity_ = Activity::Connecting;
  ++fresh_attempts_;
  label_ = new_label();
  advance(session_.connect(endpoint_, r.host, r.tls, label_, kWatchingStatement));
}

void WatchedNode::send() {
  activity_ = Activity::Probing;
  advance(session_.query(query_for(plugins_)));
}

void WatchedNode::advance(Progress progress) {
  switch (progress) {
    case Progress::Waiting:
      return io_.want(session_.socket(), session_.wanted(), activity_ == Activity::Connecting);
    case Progress::Done:
      io_.want(session_.socket(), session_.wanted(), false);
      return activity_ == Activity::Connecting ? on_connected() : on_answer();
    case Progress::Failed:
      return on_failure();
  }
}

void WatchedNode::on_connected() {
  established_ = true;
  ++counters_->opened;
  ++counters_->open;
  if (!current_.empty()) return send();
  activity_ = Activity::None;
  begin();
}

void WatchedNode::on_answer() {
  if (activity_ == Activity::FindingLeftovers) {
    for (const auto& row : session_.rows()) {
      if (!row.empty() && row[0]) leftover_threads_.push_back(*row[0]);
    }
    leftovers_.clear();
    return kill_next_leftover();
  }
  if (activity_ == Activity::KillingLeftovers) return kill_next_leftover();
  if (activity_ == Activity::AskingForPlaces) return on_places();
  if (activity_ == Activity::AskingForClone) {
    partial_.clone = read_clone_progress(session_.rows());
    return finish(std::move(partial_));
  }
  const auto loaded = plugins_in(session_.rows());
  if (loaded != plugins_) {
    plugins_ = loaded;
    if (loaded != LoadedPlugins{}) return send();  // their variables are wanted too
  }
  Snapshot snapshot;
  snapshot.reach = Reach::Ok;
  if (const auto read = read_status(session_.rows(), snapshot); !read)
    return finish(Reach::Error, read.error().message);
  if (!snapshot.by_position()) return on_status(std::move(snapshot));
  activity_ = Activity::AskingForPlaces;
  status_rows_ = session_.rows();
  own_place_.reset();
  partial_ = std::move(snapshot);
  advance(session_.query(log_place_query(partial_.version)));
}

void WatchedNode::on_places() {
  if (!own_place_) {
    own_place_ = session_.rows();
    if (!partial_.channels.empty()) return advance(session_.query(kChannelPlacesQuery));
  }
  const auto read =
      read_places(status_rows_, *own_place_, partial_.channels.empty() ? Rows{} : session_.rows(), partial_);
  if (!read) return finish(Reach::Error, read.error().message);
  on_status(std::move(partial_));
}

void WatchedNode::on_status(Snapshot snapshot) {
  if (!follows_clone_) return finish(std::move(snapshot));
  activity_ = Activity::AskingForClone;
  partial_ = std::move(snapshot);
  advance(session_.query(kCloneProgressQuery));
}

void WatchedNode::on_failure() {
  const auto number = session_.error_number();
  const bool lost = session_.state() == AsyncSession::State::Closed;
  switch (activity_) {
    case Activity::Connecting:
      return on_connect_failure(reach_of(number, session_.error_text(), Moment::Connecting));
    case Activity::Probing:
    case Activity::AskingForPlaces:
    case Activity::AskingForClone:
      if (lost) {
        session_is_gone();
        broke_ = true;
        return open();
      }
      if (activity_ == Activity::Probing && number == kUnknownVariable && plugins_ != LoadedPlugins{}) {
        plugins_ = {};
        return send();
      }
      if (activity_ == Activity::AskingForClone) return finish(std::move(partial_));  // the plugin is not loaded yet
      return finish(reach_of(number, session_.error_text(), Moment::Established),
                    fmt::format("{} ({})", session_.error_text(), number));
    case Activity::FindingLeftovers:
    case Activity::KillingLeftovers:
      leftovers_.clear();
      if (lost) {
        leftover_threads_.clear();
        session_is_gone();
        broke_ = true;
      }
      return kill_next_leftover();
    case Activity::None:
    case Activity::Resolving:
      session_is_gone();  // while idle: the next probe tells
      broke_ = true;
  }
}

void WatchedNode::on_connect_failure(Reach reach) {
  const auto problem = fmt::format("{} ({})", session_.error_text(), session_.error_number());
  session_is_gone();
  ++address_;
  if (reach == Reach::Denied && endpoint_.tls.mode == TlsMode::Preferred && !tls_changed_) {
    // The server has no TLS, or the account must use it.
    tls_changed_ = true;
    tls_ = !tls_;
    return open();
  }
  if (reach == Reach::Lost && fresh_attempts_ < kFreshAttempts) return open();
  finish(reach, problem);
}

void WatchedNode::finish(Reach reach, std::string problem) {
  Snapshot snapshot;
  snapshot.reach = reach;
  snapshot.problem = std::move(problem);
  finish(std::move(snapshot));
}

void WatchedNode::finish(Snapshot snapshot) {
  const auto now = steady_clock::now();
  const auto requests = std::exchange(current_, {});
  snapshot.node = node_;
  snapshot.session_broke = std::exchange(broke_, false);
  activity_ = Activity::None;
  set_timer();
  for (const auto& request : requests) {
    snapshot.took = std::chrono::duration_cast<Duration>(now - request.asked);
    request.done(snapshot);
  }
  if (snapshot.reach == Reach::Ok && !leftovers_.empty()) return find_leftovers();
  begin();
}

void WatchedNode::set_timer() {
  auto earliest = Deadline::max();
  for (const auto* requests : {&current_, &next_}) {
    for (const auto& request : *requests) earliest = std::min(earliest, request.deadline);
  }
  if (activity_ == Activity::FindingLeftovers || activity_ == Activity::KillingLeftovers) {
    earliest = std::min(earliest, housekeeping_until_);
  }
  if (earliest == Deadline::max()) return timer_.cancel();
  timer_.at(earliest);
}

void WatchedNode::on_deadline() {
  const auto now = steady_clock::now();
  std::vector<Request> late;
  for (auto* requests : {&current_, &next_}) {
    const auto first =
        std::stable_partition(requests->begin(), requests->end(), [now](const Request& r) { return r.deadline > now; });
    late.insert(late.end(), std::make_move_iterator(first), std::make_move_iterator(requests->end()));
    requests->erase(first, requests->end());
  }
  const bool housekeeping = activity_ == Activity::FindingLeftovers || activity_ == Activity::KillingLeftovers;
  if (housekeeping ? now >= housekeeping_until_ || !late.empty() : !late.empty() && current_.empty()) abandon();
  Snapshot snapshot;
  snapshot.node = node_;
  snapshot.reach = Reach::Silent;
  snapshot.session_broke = !late.empty() && std::exchange(broke_, false);
  for (const auto& request : late) {
    snapshot.took = std::chrono::duration_cast<Duration>(now - request.asked);
    snapshot.problem = fmt::format("no answer within {} ms", snapshot.took.count() / 1000);
    request.done(snapshot);
  }
  set_timer();
  begin();
}

void WatchedNode::abandon() {
  // What was sent may still be running there: its session is ended from the next one.
  if (session_.server_thread() != 0 && leftovers_.size() < kLeftoversKept) leftovers_.push_back(label_);
  leftover_threads_.clear();
  session_is_gone();
  activity_ = Activity::None;
}

void WatchedNode::session_is_gone() {
  io_.none();
  session_.close();
  if (!std::exchange(established_, false)) return;
  --counters_->open;
  ++counters_->lost;
}

void WatchedNode::find_leftovers() {
  activity_ = Activity::FindingLeftovers;
  housekeeping_until_ = steady_clock::now() + kHousekeepingLimit;
  set_timer();
  // By label and not by id: a restarted server counts its ids from the beginning.
  std::string labels;
  for (const auto& label : leftovers_) labels += fmt::format("{}'{}'", labels.empty() ? "" : ",", label);
  advance(
      session_.query(fmt::format("SELECT PROCESSLIST_ID FROM performance_schema.session_connect_attrs "
                                 "WHERE ATTR_NAME='repld_session' AND ATTR_VALUE IN ({})",
                                 labels)));
}

void WatchedNode::kill_next_leftover() {
  if (leftover_threads_.empty()) {
    activity_ = Activity::None;
    set_timer();
    return begin();
  }
  activity_ = Activity::KillingLeftovers;
  const auto thread = std::move(leftover_threads_.back());
  leftover_threads_.pop_back();
  advance(session_.query("KILL " + thread));
}

}  // namespace repl::mysql
