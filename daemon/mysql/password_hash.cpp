// SHA-crypt as caching_sha2_password and sha256_password use it, with their salt of 20 bytes; and the double SHA-1 of
// mysql_native_password.
#include "mysql/password_hash.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <memory>
#include <span>

namespace repl::mysql {
namespace {

constexpr std::size_t kSaltLength = 20;
constexpr std::size_t kRoundsOfSha256Password = 5000;

/// One digest after the other with the same context.
class Hash {
 public:
  explicit Hash(const EVP_MD* kind) : kind_{kind}, context_{EVP_MD_CTX_new(), EVP_MD_CTX_free} { begin(); }
  void begin() { EVP_DigestInit_ex(context_.get(), kind_, nullptr); }
  void add(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  /// What was added since begin(), which it calls.
  std::string end() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &length);
    begin();
    return {digest.begin(), digest.begin() + length};
  }

 private:
  const EVP_MD* kind_;
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
};

std::string repeated(const std::string& bytes, std::size_t length) {
  std::string out;
  while (out.size() < length) out += bytes.substr(0, length - out.size());
  return out;
}

/// The 43 characters of Drepper's alphabet, in his order of bytes.
std::string in_letters(const std::string& digest) {
  constexpr std::string_view kLetters = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string out;
  const auto put = [&](unsigned value, int letters) {
    for (; letters > 0; --letters, value >>= 6) out += kLetters[value & 0x3F];
  };
  const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(digest[i])); };
  for (std::size_t i = 0; i < 10; ++i) {
    std::array<std::size_t, 3> at{i, (i + 10) % 30, (i + 20) % 30};
    // The first of the three goes round: 0, 21, 12, 3, 24, ...
    for (auto& a : at) a = (a % 10) + 10 * ((a / 10 + 2 * (i % 3)) % 3);
    put(byte(at[0]) << 16 | byte(at[1]) << 8 | byte(at[2]), 4);
  }
  put(byte(31) << 8 | byte(30), 3);
  return out;
}

std::string sha256_crypt(std::string_view password, std::string_view salt, std::size_t rounds) {
  Hash hash{EVP_sha256()};
  hash.add(password);
  hash.add(salt);
  hash.add(password);
  const auto second = hash.end();
  hash.add(password);
  hash.add(salt);
  hash.add(repeated(second, password.size()));
  for (auto n = password.size(); n > 0; n >>= 1) hash.add((n & 1) != 0 ? std::string_view{second} : password);
  auto digest = hash.end();
  for (std::size_t i = 0; i < password.size(); ++i) hash.add(password);
  const auto of_password = repeated(hash.end(), password.size());
  for (std::size_t i = 0; i < 16U + static_cast<unsigned char>(digest[0]); ++i) hash.add(salt);
  const auto of_salt = repeated(hash.end(), salt.size());
  for (std::size_t i = 0; i < rounds; ++i) {
    hash.add(i % 2 != 0 ? of_password : digest);
    if (i % 3 != 0) hash.add(of_salt);
    if (i % 7 != 0) hash.add(of_password);
    hash.add(i % 2 != 0 ? digest : of_password);
    digest = hash.end();
  }
  return in_letters(digest);
}

/// "005" -> 5000
std::optional<std::size_t> rounds_of(std::string_view thousands) {
  std::size_t out = 0;
  const auto [end, error] = std::from_chars(thousands.data(), thousands.data() + thousands.size(), out, 16);
  if (error != std::errc{} || end != thousands.data() + thousands.size()) return std::nullopt;
  return out * 1000;
}

/// "$A$005$", salt, digest
std::optional<bool> is_caching_sha2(std::string_view kept, std::string_view password) {
  constexpr std::string_view kStart = "$A$";
  constexpr std::size_t kBeforeSalt = 7;
  if (!kept.starts_with(kStart) || kept.size() <= kBeforeSalt + kSaltLength) return std::nullopt;
  const auto rounds = rounds_of(kept.substr(kStart.size(), 3));
  if (!rounds) return std::nullopt;
  return kept.substr(kBeforeSalt + kSaltLength) ==
         sha256_crypt(password, kept.substr(kBeforeSalt, kSaltLength), *rounds);
}

/// "$5$", salt, "$", digest
std::optional<bool> is_sha256(std::string_view kept, std::string_view password) {
  constexpr std::string_view kStart = "$5$";
  const auto end = kept.rfind('$');
  if (!kept.starts_with(kStart) || end < kStart.size() || end == std::string_view::npos) return std::nullopt;
  const auto salt = kept.substr(kStart.size(), end - kStart.size());
  return kept.substr(end + 1) == sha256_crypt(password, salt, kRoundsOfSha256Password);
}

bool is_native(std::string_view kept, std::string_view password) {
  Hash hash{EVP_sha1()};
  hash.add(password);
  const auto once = hash.end();
  hash.add(once);
  std::string out = "*";
  for (const char c : hash.end()) out += fmt::format("{:02X}", static_cast<unsigned char>(c));
  return kept == out;
}

}  // namespace

std::optional<bool> is_made_of(std::string_view plugin, std::string_view kept, std::string_view password) {
  if (kept.empty() || password.empty()) return kept.empty() && password.empty();
  if (plugin == "caching_sha2_password") return is_caching_sha2(kept, password);
  if (plugin == "sha256_password") return is_sha256(kept, password);
  if (plugin == "mysql_native_password") return is_native(kept, password);
  return std::nullopt;
}

}  // namespace repl::mysql
