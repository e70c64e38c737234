#include "mysql/errors.hpp"

#include <gtest/gtest.h>

namespace repl::mysql {
namespace {

constexpr auto kConnecting = Moment::Connecting;
constexpr auto kEstablished = Moment::Established;

struct Case {
  unsigned number;
  const char* message;
  Moment moment;
  ErrorCode code;
  Reach reach;
};

// Texts as the libraries and a 9.7 server gave them.
const Case kCases[] = {
    {2002, "Can't connect to server on '127.0.0.1' (111)", kConnecting, ErrorCode::ConnectionRefused, Reach::Refused},
    {2003, "Can't connect to MySQL server on '127.0.0.1:3306' (111)", kConnecting, ErrorCode::ConnectionRefused,
     Reach::Refused},
    {2002, "Can't connect to server on '10.9.9.9' (113)", kConnecting, ErrorCode::ConnectionLost, Reach::Lost},
    {2013, "Lost connection to server at 'reading initial communication packet', system error: 110", kConnecting,
     ErrorCode::ConnectionLost, Reach::Lost},
    {2013, "Lost connection to server during query", kEstablished, ErrorCode::ConnectionLost, Reach::Lost},
    {2006, "Server has gone away", kEstablished, ErrorCode::ConnectionLost, Reach::Lost},
    {2026, "TLS/SSL error: certificate verify failed", kConnecting, ErrorCode::AccessDenied, Reach::Denied},
    {2026, "SSL connection error: SSL is required, but the server does not support it", kConnecting,
     ErrorCode::AccessDenied, Reach::Denied},
    {2026, "TLS/SSL error: unexpected eof while reading", kConnecting, ErrorCode::ConnectionLost, Reach::Lost},
    {2026, "TLS/SSL error: Connection timed out (110)", kEstablished, ErrorCode::ConnectionLost, Reach::Lost},
    {1040, "Too many connections", kConnecting, ErrorCode::TooManyConnections, Reach::Busy},
    {1129, "Host is blocked", kConnecting, ErrorCode::TooManyConnections, Reach::Busy},
    {1045, "Access denied for user 'repl_admin'@'localhost' (using password: YES)", kConnecting,
     ErrorCode::AccessDenied, Reach::Denied},
    {1862, "Your password has expired", kConnecting, ErrorCode::AccessDenied, Reach::Denied},
    {3955, "Access denied: account is blocked for 1 day", kConnecting, ErrorCode::AccessDenied, Reach::Denied},
    {3024, "Query execution was interrupted, maximum statement execution time exceeded", kEstablished,
     ErrorCode::DeadlineExceeded, Reach::Error},
    {3032, "The server is currently in offline mode", kConnecting, ErrorCode::AccessDenied, Reach::Denied},
    {1205, "Lock wait timeout exceeded; try restarting transaction", kEstablished, ErrorCode::LockWaitTimeout,
     Reach::Error},
    {1290, "The MySQL server is running with the --super-read-only option so it cannot execute this statement",
     kEstablished, ErrorCode::ReadOnlyServer, Reach::Error},
    {1290, "The MySQL server is running with the --skip-grant-tables option so it cannot execute this statement",
     kEstablished, ErrorCode::ServerRefused, Reach::Error},
    {1064, "You have an error in your SQL syntax", kEstablished, ErrorCode::ServerRefused, Reach::Error},
};

TEST(ErrorTable, GivesEachNumberItsCodeAndReach) {
  for (const auto& c : kCases) {
    EXPECT_EQ(error_code_of(c.number, c.message, c.moment), c.code) << c.number << " " << c.message;
    EXPECT_EQ(reach_of(c.number, c.message, c.moment), c.reach) << c.number << " " << c.message;
  }
}

TEST(ErrorTable, NeverTakesAnErrorPacketForDeath) {
  for (unsigned number = 1000; number < 6000; ++number) {
    if (number == 2000) number = 3000;  // the client libraries' own
    EXPECT_TRUE(is_alive(reach_of(number, "", kConnecting))) << number;
    EXPECT_TRUE(is_alive(reach_of(number, "", kEstablished))) << number;
  }
}

TEST(ErrorTable, TakesAnUnknownClientErrorForALostConnection) {
  EXPECT_EQ(reach_of(2999, "", kEstablished), Reach::Lost);
  EXPECT_TRUE(is_lost(2999));
  EXPECT_FALSE(is_from_server(2999));
}

TEST(ErrorTable, KeepsTheSessionAfterAnErrorPacketButNotAfterAShutdown) {
  EXPECT_FALSE(is_lost(1205));
  EXPECT_TRUE(is_lost(1053));
  EXPECT_TRUE(is_lost(2013));
}

}  // namespace
}  // namespace repl::mysql
