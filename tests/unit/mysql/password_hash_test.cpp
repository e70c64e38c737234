#include "mysql/password_hash.hpp"

#include <gtest/gtest.h>

namespace repl::mysql {
namespace {

std::string bytes(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string{hex.substr(i, 2)}, nullptr, 16));
  }
  return out;
}

// Source: examples of "Unix crypt using SHA-256 and SHA-512", and of hashcat for its modes 7401 and 300.
TEST(PasswordHash, IsComputedAsTheServerDoes) {
  EXPECT_EQ(is_made_of("sha256_password", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"),
            std::optional{true});
  const auto kept = "$A$005$" + bytes("F9CC98CE08892924F50A213B6BC571A2C11778C5") +
                    bytes("625479393559393965414D45316477456B484F41316E64484742577A2E3162785353526B7554584647562F");
  EXPECT_EQ(is_made_of("caching_sha2_password", kept, "hashcat"), std::optional{true});
  EXPECT_EQ(is_made_of("caching_sha2_password", kept, "hashcat "), std::optional{false});
  EXPECT_EQ(is_made_of("mysql_native_password", "*FCF7C1B8749CF99D88E5F34271D636178FB5D130", "hashcat"),
            std::optional{true});
  EXPECT_EQ(is_made_of("mysql_native_password", "*FCF7C1B8749CF99D88E5F34271D636178FB5D130", "Hashcat"),
            std::optional{false});
}

TEST(PasswordHash, SaysNothingOfWhatItDoesNotKnow) {
  EXPECT_EQ(is_made_of("authentication_ldap_simple", "cn=app", "secret"), std::nullopt);
  EXPECT_EQ(is_made_of("caching_sha2_password", "$B$005$", "secret"), std::nullopt);
  EXPECT_EQ(is_made_of("caching_sha2_password", "", "secret"), std::optional{false}) << "it has no password";
  EXPECT_EQ(is_made_of("caching_sha2_password", "", ""), std::optional{true});
}

}  // namespace
}  // namespace repl::mysql
