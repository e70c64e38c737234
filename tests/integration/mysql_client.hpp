// An application's session, for tests: it may hang in a statement, on a thread of its own.
#pragma once

#include <mariadb/mysql.h>

#include <future>
#include <memory>
#include <string>

#include "model/ids.hpp"

namespace repl::mysql::rig {

/// One thread at a time.
class Client {
 public:
  Client(const Address& address, const std::string& user, const std::string& password) : mysql_{mysql_init(nullptr)} {
    connected_ = mysql_real_connect(mysql_.get(), address.host.c_str(), user.c_str(), password.c_str(), nullptr,
                                    address.port, nullptr, 0) != nullptr;
  }
  bool connected() const { return connected_; }
  /// 0 when it succeeded, else the number of the error.
  unsigned execute(const std::string& sql) {
    if (mysql_real_query(mysql_.get(), sql.data(), sql.size()) != 0) return mysql_errno(mysql_.get());
    mysql_free_result(mysql_store_result(mysql_.get()));
    return 0;
  }
  std::future<unsigned> start(const std::string& sql) {
    return std::async(std::launch::async, [this, sql] { return execute(sql); });
  }

 private:
  struct Close {
    void operator()(MYSQL* m) const { mysql_close(m); }
  };
  std::unique_ptr<MYSQL, Close> mysql_;
  bool connected_ = false;
};

}  // namespace repl::mysql::rig
