// One table from the error numbers of MySQL servers and of both client libraries to our terms: what an operation
// reports (ErrorCode) and what a probe saw (Reach). Foreign errors stop here; nothing above mysql/ sees a number.
#pragma once

#include <string_view>

#include "model/error.hpp"
#include "model/snapshot.hpp"

namespace repl::mysql {

/// Where in the life of a session an error came. A 2026 while connecting may be a refusal of our TLS settings, later it
/// is a lost connection (a read time-out over TLS is reported so).
enum class Moment { Connecting, Established };

/// What an operation that failed with `number` reports. `message` is the library's or server's text: some numbers cover
/// several causes that only the text tells apart.
ErrorCode error_code_of(unsigned number, std::string_view message, Moment moment);

/// What a probe that failed with `number` has seen.
Reach reach_of(unsigned number, std::string_view message, Moment moment);

/// The session is of no use any more and has to be opened anew.
bool is_lost(unsigned number);

/// The server itself said it (an error packet), so the server is alive and the session goes on.
bool is_from_server(unsigned number);

}  // namespace repl::mysql
