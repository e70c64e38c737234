// What a server keeps of a password, compared with one: as the server itself would, and without a login, of which one
// that fails counts against the account. Pure.
#pragma once

#include <optional>
#include <string_view>

namespace repl::mysql {

/// Whether `kept` (authentication_string of an account with that plugin) was made of `password`. Empty: nothing is
/// known of such a plugin. Some milliseconds for caching_sha2_password, which is meant to be slow. Source:
/// sql/auth/sha2_password.cc and mysys/crypt_genhash_impl.cc of MySQL; U. Drepper, "Unix crypt using SHA-256 and
/// SHA-512"
std::optional<bool> is_made_of(std::string_view plugin, std::string_view kept, std::string_view password);

}  // namespace repl::mysql
