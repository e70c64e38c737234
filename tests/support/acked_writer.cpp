// The writing threads, on libmariadb.
#include "tests/support/acked_writer.hpp"

#include <mariadb/mysql.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <unordered_set>

namespace repl::testing {
namespace {

using std::chrono::milliseconds;

struct CloseSession {
  void operator()(MYSQL* session) const { mysql_close(session); }
};
using Session = std::unique_ptr<MYSQL, CloseSession>;

/// Null when nobody answers.
Session connect(const WriterNode& node, const std::string& user, const std::string& password, unsigned read_timeout) {
  Session session{mysql_init(nullptr)};
  const unsigned connect_timeout = 1;
  mysql_options(session.get(), MYSQL_OPT_CONNECT_TIMEOUT, &connect_timeout);
  mysql_options(session.get(), MYSQL_OPT_READ_TIMEOUT, &read_timeout);
  if (mysql_real_connect(session.get(), "127.0.0.1", user.c_str(), password.c_str(), nullptr, node.port, nullptr, 0) ==
      nullptr) {
    return nullptr;
  }
  return session;
}

bool run(MYSQL* session, const std::string& sql) {
  if (mysql_real_query(session, sql.data(), static_cast<unsigned long>(sql.size())) != 0) return false;
  if (MYSQL_RES* rows = mysql_store_result(session)) mysql_free_result(rows);
  return true;
}

constexpr milliseconds kBetweenAttempts{8};
constexpr unsigned kPatience = 600;  // seconds: a commit that hangs is waited for, its late answer counts

}  // namespace

AckedWriter::AckedWriter(std::vector<WriterNode> nodes, std::string user, std::string password, int threads_per_node,
                         std::chrono::microseconds between_commits)
    : nodes_(std::move(nodes)),
      user_(std::move(user)),
      password_(std::move(password)),
      threads_per_node_(threads_per_node),
      between_commits_(between_commits) {
  mysql_library_init(0, nullptr, nullptr);
}

AckedWriter::~AckedWriter() {
  stop();
}

Result<void> AckedWriter::create_table(std::chrono::seconds within) {
  const auto deadline = std::chrono::steady_clock::now() + within;
  std::string last = "nobody answered";
  while (std::chrono::steady_clock::now() < deadline) {
    for (const auto& node : nodes_) {
      const auto session = connect(node, user_, password_, 10);
      if (!session) continue;
      if (run(session.get(), "CREATE DATABASE IF NOT EXISTS app") &&
          run(session.get(),
              "CREATE TABLE IF NOT EXISTS app.acked (id BIGINT PRIMARY KEY, node VARCHAR(16), "
              "payload VARCHAR(64) NOT NULL DEFAULT 'a row that must not be lost')")) {
        return {};
      }
      last = fmt::format("{}: {}", node.name, mysql_error(session.get()));
    }
    std::this_thread::sleep_for(milliseconds{50});
  }
  return fail(ErrorCode::DeadlineExceeded, "no node let app.acked be created: {}", last);
}

void AckedWriter::start() {
  const auto total = nodes_.size() * static_cast<std::size_t>(threads_per_node_);
  {
    const std::lock_guard lock{mutex_};
    sockets_.assign(total, -1);
  }
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    for (int i = 0; i < threads_per_node_; ++i) {
      const auto thread = static_cast<int>(node) * threads_per_node_ + i;
      threads_.emplace_back([this, node, thread](const std::stop_token& stop) { write(node, thread, stop); });
    }
  }
}

void AckedWriter::stop() {
  for (auto& thread : threads_) thread.request_stop();
  // A thread may be between two sessions just now, so its socket is ended again until it has noticed.
  std::atomic<bool> ended{false};
  std::jthread breaker{[&] {
    while (!ended) {
      {
        const std::lock_guard lock{mutex_};
        for (const int s : sockets_) {
          if (s >= 0) ::shutdown(s, SHUT_RDWR);
        }
      }
      std::this_thread::sleep_for(milliseconds{20});
    }
  }};
  for (auto& thread : threads_) thread.join();
  ended = true;
  threads_.clear();
}

void AckedWriter::write(std::size_t node, int thread, const std::stop_token& stop) {
  mysql_thread_init();
  Session session;
  const auto slot = static_cast<std::size_t>(thread);
  const auto keep_socket = [&](int socket) {
    const std::lock_guard lock{mutex_};
    sockets_[slot] = socket;
  };
  while (!stop.stop_requested()) {
    if (!session) {
      session = connect(nodes_[node], user_, password_, kPatience);
      if (!session) {
        std::this_thread::sleep_for(kBetweenAttempts);
        continue;
      }
      keep_socket(static_cast<int>(mysql_get_socket(session.get())));
    }
    const auto id = next_id_++;
    const auto sent = std::chrono::steady_clock::now();
    if (run(session.get(), fmt::format("INSERT INTO app.acked (id, node) VALUES ({}, '{}')", id, nodes_[node].name))) {
      const auto done = std::chrono::steady_clock::now();
      {
        const std::lock_guard lock{mutex_};
        acks_.push_back({id, node, sent, done});
      }
      std::this_thread::sleep_for(between_commits_);
      continue;
    }
    const auto error = mysql_errno(session.get());
    if (error >= 2000 || error == 3032 || error == 1927) {
      keep_socket(-1);
      session.reset();
    }
    std::this_thread::sleep_for(kBetweenAttempts);
  }
  keep_socket(-1);
  session.reset();
  mysql_thread_end();
}

std::size_t AckedWriter::index_of(const std::string& node) const {
  const auto found = std::find_if(nodes_.begin(), nodes_.end(), [&](const WriterNode& n) { return n.name == node; });
  return static_cast<std::size_t>(found - nodes_.begin());
}

std::vector<Ack> AckedWriter::acks() const {
  const std::lock_guard lock{mutex_};
  return acks_;
}

std::size_t AckedWriter::count() const {
  const std::lock_guard lock{mutex_};
  return acks_.size();
}

std::optional<Ack> AckedWriter::first_after(SteadyTime since, const std::string& not_on) const {
  const auto other = index_of(not_on);
  const std::lock_guard lock{mutex_};
  std::optional<Ack> first;
  // Acknowledgements are in order of `done`, but for the few that overtake each other: a look from the end is enough.
  for (auto ack = acks_.rbegin(); ack != acks_.rend() && ack->done >= since; ++ack) {
    if (ack->node != other && ack->done >= since && (!first || ack->done < first->done)) first = *ack;
  }
  return first;
}

std::size_t AckedWriter::accepted_by(const std::string& node, SteadyTime since) const {
  const auto index = index_of(node);
  const std::lock_guard lock{mutex_};
  return static_cast<std::size_t>(
      std::count_if(acks_.begin(), acks_.end(), [&](const Ack& a) { return a.node == index && a.sent >= since; }));
}

Gap AckedWriter::longest_gap(SteadyTime from, SteadyTime to) const {
  std::vector<SteadyTime> times{from};
  {
    const std::lock_guard lock{mutex_};
    for (const auto& ack : acks_) {
      if (ack.done > from && ack.done < to) times.push_back(ack.done);
    }
  }
  times.push_back(to);
  std::sort(times.begin(), times.end());
  Gap longest;
  for (std::size_t i = 1; i < times.size(); ++i) {
    const std::chrono::duration<double> length = times[i] - times[i - 1];
    if (length > longest.length) longest = {length, times[i - 1], times[i]};
  }
  return longest;
}

Result<std::vector<std::int64_t>> AckedWriter::lost_on(const std::string& node) const {
  const auto session = connect(nodes_[index_of(node)], user_, password_, 60);
  if (!session) return fail(ErrorCode::ConnectionRefused, "{} does not answer", node);
  // Acknowledged before the question: what is acknowledged meanwhile may or may not be in the answer.
  const auto asked_about = acks();
  const std::string sql = "SELECT id FROM app.acked";
  if (mysql_real_query(session.get(), sql.data(), static_cast<unsigned long>(sql.size())) != 0) {
    return fail(ErrorCode::ServerRefused, "{}: {}", node, mysql_error(session.get()));
  }
  std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> rows{mysql_use_result(session.get()), &mysql_free_result};
  std::unordered_set<std::int64_t> there;
  while (MYSQL_ROW row = mysql_fetch_row(rows.get())) there.insert(std::stoll(row[0]));
  if (mysql_errno(session.get()) != 0) {
    return fail(ErrorCode::ConnectionLost, "{}: {}", node, mysql_error(session.get()));
  }
  std::vector<std::int64_t> lost;
  for (const auto& ack : asked_about) {
    if (!there.contains(ack.id)) lost.push_back(ack.id);
  }
  return lost;
}

}  // namespace repl::testing
