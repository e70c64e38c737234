#include "ctl/sandbox/root_session.hpp"

#include <mariadb/errmsg.h>
#include <mariadb/mysql.h>

#include <fstream>

namespace repl::ctl::sandbox {
namespace {

constexpr unsigned kAccessDenied = 1045;

Error error_of(MYSQL* handle, std::string_view what) {
  const unsigned code = mysql_errno(handle);
  const auto ours = code == kAccessDenied                                       ? ErrorCode::AccessDenied
                    : code == CR_CONNECTION_ERROR || code == CR_CONN_HOST_ERROR ? ErrorCode::ConnectionRefused
                    : code == CR_SERVER_LOST || code == CR_SERVER_GONE_ERROR    ? ErrorCode::ConnectionLost
                                                                                : ErrorCode::ServerRefused;
  return {ours, fmt::format("{}: {} ({})", what, mysql_error(handle), code)};
}

/// Our own file, written by us: one name=value a line.
std::string password_in(const std::filesystem::path& options) {
  constexpr std::string_view kKey = "password=";
  std::ifstream in(options);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(kKey)) return line.substr(kKey.size());
  }
  return {};
}

}  // namespace

void RootSession::Close::operator()(st_mysql* handle) const {
  mysql_close(handle);
}

Result<RootSession> RootSession::open(const NodeFolder& node, std::chrono::seconds answer_within) {
  std::unique_ptr<st_mysql, Close> handle(mysql_init(nullptr));
  const auto seconds = static_cast<unsigned>(answer_within.count());
  mysql_optionsv(handle.get(), MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
  mysql_optionsv(handle.get(), MYSQL_OPT_READ_TIMEOUT, &seconds);
  mysql_optionsv(handle.get(), MYSQL_OPT_WRITE_TIMEOUT, &seconds);
  const auto password = password_in(node.client_options());
  if (mysql_real_connect(handle.get(), nullptr, "root", password.c_str(), nullptr, 0, node.socket().c_str(), 0) ==
      nullptr) {
    return tl::unexpected(error_of(handle.get(), fmt::format("connecting to {}", node.socket().string())));
  }
  return RootSession(std::move(handle));
}

Result<std::vector<RootSession::Row>> RootSession::query(std::string_view statement) {
  // The statement itself is not repeated in the error: it may hold a password.
  const auto failed = [&] { return tl::unexpected(error_of(handle_.get(), "the server answered")); };
  if (mysql_real_query(handle_.get(), statement.data(), statement.size()) != 0) return failed();
  const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> result(mysql_store_result(handle_.get()),
                                                                        &mysql_free_result);
  std::vector<Row> rows;
  if (!result) {
    if (mysql_field_count(handle_.get()) != 0) return failed();
    return rows;
  }
  const unsigned columns = mysql_num_fields(result.get());
  while (const MYSQL_ROW values = mysql_fetch_row(result.get())) {
    const unsigned long* lengths = mysql_fetch_lengths(result.get());
    Row row(columns);
    for (unsigned column = 0; column < columns; ++column) {
      if (values[column] != nullptr) row[column] = std::string(values[column], lengths[column]);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

unsigned RootSession::last_code() const {
  return mysql_errno(handle_.get());
}

}  // namespace repl::ctl::sandbox
