// The edge to mysql-connector-c++: options in, exceptions out.
#include "mysql/session.hpp"

#include <cppconn/connection.h>
#include <cppconn/driver.h>
#include <cppconn/exception.h>
#include <cppconn/metadata.h>
#include <cppconn/resultset.h>
#include <cppconn/resultset_metadata.h>
#include <cppconn/statement.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "mysql/errors.hpp"
#include "mysql/refusal.hpp"

namespace repl::mysql {
namespace {

using std::chrono::steady_clock;

constexpr int kMaxConnectSeconds = 5;

int whole_seconds_until(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::seconds>(deadline - steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 1, kMaxConnectSeconds));
}

/// The connector takes "host" apart as an URI, so that an IPv6 address needs its brackets.
std::string url(const Address& address) {
  return "tcp://" + to_string(address);
}

sql::ConnectOptionsMap options_for(const Call& call, const Endpoint& endpoint, bool tls,
                                   std::chrono::seconds read_timeout) {
  sql::ConnectOptionsMap options;
  options["hostName"] = sql::SQLString{url(endpoint.address)};
  options["userName"] = sql::SQLString{endpoint.user};
  options["password"] = sql::SQLString{endpoint.password};
  options["OPT_CONNECT_TIMEOUT"] = whole_seconds_until(call.deadline);
  options["OPT_READ_TIMEOUT"] = static_cast<int>(read_timeout.count());
  options["OPT_WRITE_TIMEOUT"] = static_cast<int>(Session::kReadTimeout.count());
  if (tls) {
    options["sslEnforce"] = true;
    if (!endpoint.tls.ca.empty()) options["sslCA"] = sql::SQLString{endpoint.tls.ca};
    if (endpoint.tls.mode == TlsMode::VerifyIdentity) options["sslVerify"] = true;
  }
  return options;
}

/// A connect() that failed while it was under way: the text ends with "(115)", EINPROGRESS, whatever the reason was.
bool is_vague(unsigned number, std::string_view text) {
  return (number == 2002 || number == 2003) && text.find(fmt::format("({})", EINPROGRESS)) != text.npos;
}

tl::unexpected<Error> not_in_time(const Call& call, std::string_view what) {
  return fail(ErrorCode::DeadlineExceeded, "{}: no time left for: {}", call.node, what);
}

}  // namespace

void init_driver() {
  // Without a declared CA no certificate is verified, but OpenSSL would load the whole trust store of the machine for
  // each session: 25 ms and about a megabyte. There is nothing in it that this process is to trust.
  setenv("SSL_CERT_FILE", "/dev/null", 0);
  setenv("SSL_CERT_DIR", "/dev/null", 0);
  get_driver_instance();
}

struct Session::Connection {
  std::unique_ptr<sql::Connection> connection;
  std::unique_ptr<sql::Statement> statement;
};

Session::Session(std::unique_ptr<Connection> connection, std::shared_ptr<SessionCounters> counters)
    : connection_{std::move(connection)}, counters_{std::move(counters)}, last_used_{steady_clock::now()} {
  ++counters_->opened;
  ++counters_->open;
}

Session::~Session() {
  --counters_->open;
  if (lost_) ++counters_->lost;
}

Result<std::unique_ptr<Session>> Session::open(const Call& call, const Endpoint& endpoint, bool tls,
                                               std::shared_ptr<SessionCounters> counters,
                                               std::chrono::seconds read_timeout) {
  if (!endpoint.secret_problem.empty())
    return fail(ErrorCode::SecretUnavailable, "{}: {}", call.node, endpoint.secret_problem);
  if (call.is_over()) return not_in_time(call, "connecting");
  const auto started = steady_clock::now();
  try {
    auto connection = std::make_unique<Connection>();
    auto options = options_for(call, endpoint, tls, read_timeout);
    connection->connection.reset(get_driver_instance()->connect(options));
    connection->statement.reset(connection->connection->createStatement());
    std::unique_ptr<Session> session{new Session{std::move(connection), std::move(counters)}};
    auto ready = session->execute(call, kSessionSettings);
    if (!ready) return tl::unexpected(ready.error());
    // An account that may not even do this may still look, and so be told what it lacks; plans refuse it (inventory).
    if (auto local = session->execute(call, kKeepOutOfTheBinaryLog); !local && session->lost()) {
      return tl::unexpected(local.error());
    }
    auto who = session->query(call, "SELECT CONNECTION_ID(), @@version");
    if (!who) return tl::unexpected(who.error());
    const auto& id = who->at(0).at(0).value();
    std::from_chars(id.data(), id.data() + id.size(), session->id_);
    session->version_ = parse_version(who->at(0).at(1).value());
    spdlog::debug("{}: session {} opened in {} ms", call.node, session->id_,
                  std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - started).count());
    return session;
  } catch (const sql::SQLException& e) {
    const auto number = static_cast<unsigned>(e.getErrorCode());
    const auto text = without_secrets(e.what(), {endpoint.password});
    auto code = error_code_of(number, text, Moment::Connecting);
    // libmariadb names the real reason only when connect() fails at once.
    if (is_vague(number, text) && refuses_connections(endpoint.address, call.deadline))
      code = ErrorCode::ConnectionRefused;
    return fail(code, "{}: cannot log in to {} as '{}': {} ({})", call.node, to_string(endpoint.address), endpoint.user,
                text, number);
  }
}

Result<Rows> Session::run(const Call& call, const Statement& statement) {
  const auto shown = [&] { return without_secrets(statement.text, statement.secrets); };
  if (lost_) return fail(ErrorCode::ConnectionLost, "{}: the session is lost", call.node);
  if (call.is_over()) return not_in_time(call, shown());
  const auto started = steady_clock::now();
  try {
    Rows rows;
    in_doubt_ = true;
    if (connection_->statement->execute(statement.text)) {
      const std::unique_ptr<sql::ResultSet> result{connection_->statement->getResultSet()};
      const auto columns = result->getMetaData()->getColumnCount();
      while (result->next()) {
        Row& row = rows.emplace_back(columns);
        for (unsigned i = 0; i < columns; ++i) {
          if (!result->isNull(i + 1)) row[i] = result->getString(i + 1).asStdString();
        }
      }
    }
    in_doubt_ = false;
    last_error_ = 0;
    last_used_ = steady_clock::now();
    if (spdlog::should_log(spdlog::level::debug)) {
      spdlog::debug("{}: {} ({} us)", call.node, shown(),
                    std::chrono::duration_cast<std::chrono::microseconds>(last_used_ - started).count());
    }
    return rows;
  } catch (const sql::SQLException& e) {
    last_error_ = static_cast<unsigned>(e.getErrorCode());
    lost_ = is_lost(last_error_);
    in_doubt_ = lost_;
    const auto text = without_secrets(e.what(), statement.secrets);
    spdlog::debug("{}: {} failed: {} ({})", call.node, shown(), text, last_error_);
    return fail(error_code_of(last_error_, text, Moment::Established), "{}: {}: {} ({})", call.node, shown(), text,
                last_error_);
  }
}

Result<Rows> Session::query(const Call& call, const Statement& statement) {
  return run(call, statement);
}

Result<void> Session::execute(const Call& call, const Statement& statement) {
  auto rows = run(call, statement);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  return {};
}

Result<Field> Session::value(const Call& call, const Statement& statement) {
  auto rows = run(call, statement);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  if (rows->empty() || rows->front().empty()) return Field{};
  return std::move(rows->front().front());
}

}  // namespace repl::mysql
